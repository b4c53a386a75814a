"""What the peers of our trunks write into INVITEs, as FreeSWITCH gives it to us: who calls whom, what does nothing."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import inbound, queue
from faxplan.event_socket import EventSocket
from faxplan.freeswitch_instance import Instance
from tests.bench.whole import wait_for
from tests.faxes import noticed
from tests.hostile import TEXTS, assert_nothing_ran, headers
from tests.live.calls import Live
from tests.live.raw_sip import RawCall
from tests.live.running import faxplan_on_freeswitch
from tests.routing import add_trunk, change
from tests.vendor_words import vendor_words
from tests.world import World

FROM = ("From", '"Al Ice" <sip:+493099001234@carrier.example>;tag=1')
TO = ("To", "<sip:+493023125002@127.0.0.1>")
ASSERTED = ("P-Asserted-Identity", '"Real" <sip:+4930222222;verstat=TN-Validation-Passed@carrier.example>')
PREFERRED = ("P-Preferred-Identity", "<sip:+4930666666@evil.example>")
ANONYMOUS = ("From", '"Anonymous" <sip:anonymous@anonymous.invalid>;tag=1')
DIVERSION = ("Diversion", "<sip:+493023125002@carrier.example>;reason=unconditional")
HISTORY = [("History-Info", "<sip:+493023125002@a>;index=1"), ("History-Info", "<sip:+493000000@a>;index=1.1")]
ACME, BOREA = "+493023125001", "+493023125002"
HARMLESS = "harmless; text"


@pytest.fixture
def faxplan(world: World, live: Live, tmp_path: Path) -> Iterator[Instance]:
    """Faxplan's own FreeSWITCH, with nobody but us to call it."""
    with faxplan_on_freeswitch(world, live, tmp_path / "fs") as instance:
        yield instance


def call(
    world: World, faxplan: Instance, name: str, user: str, *said: tuple[str, str], seconds: float = 0
) -> dict[str, object] | int:
    """The columns of fax and attempt; the SIP status where the call was refused. seconds: before it is hung up."""
    before = {row["id"] for row in rows(world)}
    given = {header.lower() for header, _ in said}
    sent = [*said, *(each for each in (FROM, TO) if each[0].lower() not in given)]
    with RawCall(faxplan.sip_port, name) as raw:
        status = raw.invite(user, sent)
        if status != 200:
            return status
        time.sleep(seconds)
    wait_for(lambda: any(row["outcome"] for row in rows(world) if row["id"] not in before), "the call to be over")
    (row,) = [row for row in rows(world) if row["id"] not in before]
    return row


def rows(world: World) -> list[dict[str, object]]:
    found = []
    for office in (world.acme, world.borea):
        with world.portal.tenant(office.tenant.id) as tx:
            found += tx.rows(
                "select a.*, f.called_number, f.calling_number from attempts a join faxes f on f.id = a.fax_id"
            )
    return found


def test_a_caller_reads_no_vendors_name(faxplan: Instance) -> None:
    """Not in what is said on the way, nor in the answer, with its SDP, nor at the end."""
    with RawCall(faxplan.sip_port, "reader") as answered:
        assert answered.invite(ACME, [FROM, TO]) == 200
    with RawCall(faxplan.sip_port, "refused") as refused:
        assert refused.invite("+4930999", [FROM, ("To", "<sip:+4930999@127.0.0.1>")]) == 404
    said = b"".join([*answered.heard, *refused.heard])
    assert b"m=audio" in said
    assert b"BYE" in said
    assert not vendor_words(said)


def test_who_calls_whom_is_read_from_what_counts(world: World, faxplan: Instance) -> None:
    add_trunk(world, "other")
    cases: list[tuple[str, bool, list[str], str, list[tuple[str, str]], dict[str, object] | int]] = [
        ("plain", False, ["request"], ACME, [PREFERRED, ASSERTED],
         {"called_number": ACME, "calling_number": "+493099001234", "caller_id": "Al Ice +493099001234",
          "invite_from": FROM[1], "invite_asserted": ASSERTED[1], "verstat": None, "called_from": "request"}),
        ("trusted", True, ["request"], ACME, [PREFERRED, ASSERTED],
         {"calling_number": "+4930222222", "caller_id": "Real +4930222222", "verstat": "TN-Validation-Passed"}),
        ("asserted-tel", True, ["request"], ACME, [("P-Asserted-Identity", "<tel:+4930222222>")],
         {"calling_number": "+4930222222"}),
        ("from-verstat", True, ["request"], ACME,
         [("From", "<sip:+493099001234;verstat=TN-Validation-Failed@a;user=phone>;tag=1")],
         {"calling_number": "+493099001234", "verstat": "TN-Validation-Failed"}),
        ("private", True, ["request"], ACME, [ASSERTED, ("Privacy", "id")],
         {"calling_number": None, "caller_id": "anonymous"}),
        ("anonymous", True, ["request"], ACME, [ANONYMOUS, ASSERTED], {"calling_number": None}),
        # Header parameters that would pass for the user, and for a trunk.
        ("parameters", False, ["to", "request"], ACME,
         [("From", f"{FROM[1]};user=+4930666666;faxplan_trunk=other"), ("To", f"<sip:{BOREA}@a>;user={ACME}")],
         {"called_number": BOREA, "calling_number": "+493099001234", "trunk": "carrier"}),
        ("names-a-trunk", False, ["request"], f"{ACME};faxplan_trunk=other",
         [("X-faxplan_trunk", "other"), ("faxplan_trunk", "other"), ("P-faxplan_trunk", "other"),
          ("Diversion_faxplan_trunk", "other"), ("Alert-Info", "<faxplan_trunk=other>")],
         {"called_number": ACME, "trunk": "carrier"}),
        ("diverted", True, ["diversion", "request"], ACME, [DIVERSION],
         {"called_number": BOREA, "called_from": "diversion", "invite_diversion": DIVERSION[1]}),
        ("diverted-untrusted", False, ["diversion"], ACME, [DIVERSION], 404),
        ("history", True, ["history-info"], ACME, HISTORY, {"called_number": BOREA, "called_from": "history-info"}),
        ("nobody", False, ["request"], "+493023125999", [], 404),
    ]  # fmt: skip
    for name, trusted, places, user, said, expected in cases:
        change(world, "trunks", trusts_identity=trusted, called_from=places)
        found = call(world, faxplan, name, user, *said)
        if isinstance(expected, int) or isinstance(found, int):
            assert found == expected, name
        else:
            assert {column: found[column] for column in expected} == expected, name


def test_a_blocked_caller_is_declined_before_the_answer(world: World, faxplan: Instance) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute(
            "insert into did_callers (tenant_id, number, caller, rule) values (%s, %s, '+493099', 'block')",
            (world.acme.tenant.id, ACME),
        )
    assert call(world, faxplan, "blocked", ACME) == 603
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set refusal = 'busy', max_calls = 1")
    assert call(world, faxplan, "busy", ACME) == 486
    with RawCall(faxplan.sip_port, "first") as first:
        assert first.invite(ACME, [ANONYMOUS, TO]) == 200
        assert call(world, faxplan, "second", ACME, ANONYMOUS) == 486
    with world.portal.tenant(world.acme.tenant.id) as tx:
        counted = {row["reason"]: row["calls"] for row in tx.rows("select reason, calls from did_refusals")}
    assert counted == {"caller": 2, "did-full": 1}


def test_a_call_that_is_cancelled_before_the_answer_is_none_for_its_mailbox(
    world: World, live: Live, tmp_path: Path
) -> None:
    world.settings = replace(world.settings, lookup_seconds=9)
    with faxplan_on_freeswitch(world, live, tmp_path / "fs") as faxplan:
        with RawCall(faxplan.sip_port, "cancelled") as raw, world.switch.across_tenants() as tx:
            # While somebody else has the turn to count calls, a look-up waits for it.
            queue.take_turn(tx)
            waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
            assert tx.value(waiting) == 0
            raw.begin(ACME, [FROM, TO])
            wait_for(lambda: bool(tx.value(waiting)), "the look-up")
            assert raw.cancel() == 487
        wait_for(lambda: any(row["outcome"] for row in rows(world)), "the call to be settled")
        (row,) = rows(world)
        assert (row["outcome"], row["answered_at"], row["explanation"]) == ("failed", None, inbound.HUNG_UP_BEFORE)
        assert noticed(world, world.acme) == []
        wait_for(lambda: "0 total" in faxplan.api("show channels count"), "the channel to be gone")
        # And the next one is answered.
        found = call(world, faxplan, "next", ACME)
        assert isinstance(found, dict)
        assert found["answered_at"] is not None


# ------------------------------------------------------------------------------------------------------------ hostile


def children(pid: int) -> list[str]:
    """Processes that the switch has started."""
    return [each.read_text() for each in Path(f"/proc/{pid}/task").glob("*/children") if each.read_text()]


def variables_of(connection: EventSocket, call_id: str) -> set[str]:
    """The names of all variables of a call, when it is over."""
    while True:
        event = connection.next_event(30)
        assert event is not None, f"call {call_id} did not end"
        if event.headers.get("variable_sip_call_id", "").startswith(f"{call_id}@"):
            return {name for name in event.headers if name.startswith("variable_")}


def messages() -> Iterator[list[tuple[str, str]]]:
    """Headers of INVITEs: each text in all of them; where a datagram would not hold that, in one after the other."""
    for text in TEXTS:
        said = headers(text)
        if sum(len(value) for _, value in said) < 30_000:
            yield said
            continue
        harmless = headers(HARMLESS)
        for place in range(len(said)):
            yield [*harmless[:place], said[place], *harmless[place + 1 :]]


def test_strangers_text_does_nothing(world: World, faxplan: Instance, three_pages: Path, live: Live) -> None:
    change(world, "trunks", trusts_identity=True, called_from=["diversion", "history-info", "request"])
    started = children(faxplan.pid)
    with faxplan.connect() as connection:
        connection.subscribe("CHANNEL_HANGUP_COMPLETE")
        known: set[str] = set()
        # The second long enough for rxfax to begin, and to leave its variables.
        for name, seconds in (("harmless", 0.0), ("longer", 3.0)):
            assert isinstance(call(world, faxplan, name, ACME, *headers(HARMLESS), seconds=seconds), dict)
            known |= variables_of(connection, name)
        assert "variable_sip_full_from" in known
        for number, said in enumerate(messages()):
            name = f"hostile-{number}"
            found = call(world, faxplan, name, ACME, *said)
            assert isinstance(found, dict), (name, found)
            assert (found["called_number"], found["calling_number"], found["trunk"]) == (ACME, None, "carrier"), name
            # Some are missing, since FreeSWITCH refuses what could be expanded; none is new.
            assert variables_of(connection, name) - known == set(), name
    wait_for(lambda: "0 total" in faxplan.api("show channels count"), "the last channel to be gone")
    assert children(faxplan.pid) == started
    assert_nothing_ran()
    wait_for(lambda: "+OK" in faxplan.api("python fax_queue::alive"), "Python in the switch to answer")


@pytest.mark.parametrize(
    ("ident", "kept"),
    [
        # mod_spandsp decodes what stands after %. This is ${system(ls)}, and FreeSWITCH keeps no such value.
        ("%24%7Bsystem(ls)%7D", None),
        ("<script>1</script>", "<script>1</script>"),
        ("%27%3B%22%3Cb%3E%26%7C%60", "';\"<b>&|`"),
        ("a%0D%0AVia%3Ab", "a\r\nVia:b"),
        ("%FF%FE%80", "\\udcff\\udcfe\\udc80"),
    ],
    ids=["variable", "script", "quotes", "line-end", "no-utf-8"],
)
def test_a_hostile_station_ident_does_nothing(
    world: World, faxplan: Instance, three_pages: Path, live: Live, ident: str, kept: str | None
) -> None:
    started = children(faxplan.pid)
    told = live.carrier.api(
        f"originate {{fax_ident={ident},fax_enable_t38=true,origination_caller_id_number=+493099001}}"
        f"sofia/faxplan/{ACME}@127.0.0.1:{faxplan.sip_port} '&txfax({three_pages})'"
    )
    assert told.startswith("+OK"), told
    wait_for(lambda: [row["outcome"] for row in rows(world)] not in ([], [None]), "the fax", 120)
    (row,) = rows(world)
    assert row["outcome"] == "received", row
    assert row["remote_station_id"] == kept
    wait_for(lambda: "0 total" in faxplan.api("show channels count"), "the last channel to be gone")
    assert children(faxplan.pid) == started
