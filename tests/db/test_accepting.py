"""Which calls are answered, and what is kept of each."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from faxplan import accepting, did_callers, dids, queue
from faxplan import channel_variables as cv
from faxplan.accepting import Accepted, IncomingCall, Refused
from faxplan.db import Transaction
from faxplan.errors import DatabaseUnavailable
from faxplan.lookups import Caller as Waiting
from faxplan.spool import Spool
from tests.faxes import NODE, accepted, claim, in_threads, invite, noticed, queued
from tests.hostile import TEXTS
from tests.routing import add_trunk, change
from tests.world import Office, World, enrol, office

CALLING = "030-99001234"
DIALLED = "03023125001"


def accept(
    world: World, called: str = "03023125001", calling: str | None = CALLING, **values: Any
) -> Accepted | Refused:
    """A call from the carrier. values: of IncomingCall, Node and Invite; waiting, wait_seconds."""
    node = replace(NODE, **{name: values.pop(name) for name in ("name", "max_channels") if name in values})
    call = {name: values.pop(name) for name in ("source_address", "gateway", "trunk", "channel_uuid") if name in values}
    waiting, wait_seconds = values.pop("waiting", None) or Waiting(), values.pop("wait_seconds", None)
    said = invite(called, calling, values.pop("calling_name", "Somebody"), **values)
    incoming = IncomingCall(**{"channel_uuid": "uuid-1", "source_address": "127.0.0.1", "invite": said} | call)
    return accepting.accept(world.switch, world.spool, incoming, node, waiting, wait_seconds=wait_seconds)


def cause(decision: Accepted | Refused) -> str | None:
    """How the call was refused; None: it was not."""
    if isinstance(decision, Accepted):
        return None
    assert decision.reason.isascii()
    return decision.cause


def media(decision: Accepted) -> tuple[bool, bool]:
    """Whether the call may use T.38, and ECM."""
    found = decision.variables
    return found[cv.FAX_ENABLE_T38] == "true", found[cv.FAX_USE_ECM] == "true"


def kept(world: World, decision: Accepted | Refused) -> tuple[dict[str, object], dict[str, object]]:
    """The rows of fax and attempt."""
    assert isinstance(decision, Accepted), decision
    office = world.acme if decision.sidecar.tenant_id == world.acme.tenant.id else world.borea
    (attempt,) = world.attempts(office, decision.sidecar.fax_id)
    return world.fax(office, decision.sidecar.fax_id), attempt


def nothing_is_open(world: World) -> bool:
    with world.switch.across_tenants() as tx:
        return tx.value("select count(*) from calls") == 0


def set_did(world: World, office: Office, **values: object) -> None:
    with world.admin.tenant(office.tenant.id) as tx:
        dids.change(tx, office.tenant.id, office.did, values)


def refused(world: World, office: Office) -> dict[str, int]:
    """How many calls for its DID were refused, by reason."""
    with world.portal.tenant(office.tenant.id) as tx:
        return {row["reason"]: row["calls"] for row in dids.refusals(tx, office.tenant.id, office.did)}


def test_a_call_for_a_did_is_answered_with_its_ident(world: World) -> None:
    decision = accept(world)
    assert isinstance(decision, Accepted)
    assert (decision.ident, media(decision)) == (world.acme.did, (True, True))
    assert world.spool.expected(decision.sidecar.attempt_id) == decision.sidecar
    fax, attempt = kept(world, decision)
    assert (fax["state"], fax["called_number"], fax["calling_number"]) == (
        "receiving",
        world.acme.did,
        "+493099001234",
    )
    assert (attempt["trunk"], attempt["peer_address"], attempt["caller_id"]) == (
        "carrier",
        "127.0.0.1",
        "Somebody 03099001234",
    )


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"source_address": "192.0.2.1"}, accepting.UNKNOWN_SOURCE),
        ({"source_address": ""}, accepting.UNKNOWN_SOURCE),
        ({"source_address": "127.0.0.1; drop table faxes"}, accepting.UNKNOWN_SOURCE),
        ({"called": "+493023125999"}, accepting.UNKNOWN_DID),
        ({"called": ""}, accepting.UNKNOWN_DID),
        ({"called": "${system(id)}"}, accepting.UNKNOWN_DID),
        ({"called": "\udcff\0\r\n"}, accepting.UNKNOWN_DID),
        # Exactly this number, and no other that looks like it.
        ({"called": "+49302312500"}, accepting.UNKNOWN_DID),
        ({"called": "+4930231250011"}, accepting.UNKNOWN_DID),
        ({"called": "+49302312500_"}, accepting.UNKNOWN_DID),
        ({"called": "+493023125%"}, accepting.UNKNOWN_DID),
    ],
)
def test_a_stranger_or_a_number_of_nobody_is_refused(world: World, values: dict[str, str], refusal: str) -> None:
    assert cause(accept(world, **values)) == refusal
    assert nothing_is_open(world)
    assert not list(world.spool.inbound.iterdir())


@pytest.mark.parametrize("called", ["+493023125001", "493023125001", "03023125001", "+49 30 23125-001"])
def test_a_did_is_found_however_the_carrier_writes_it(world: World, called: str) -> None:
    assert isinstance(accept(world, called), Accepted)


def test_the_calling_number_is_read_as_the_called_one_was(world: World) -> None:
    fax, _ = kept(world, accept(world, "493023125001", "33123456789"))
    assert fax["calling_number"] == "+33123456789"


@pytest.mark.parametrize(
    ("inbound_format", "called", "calling", "number"),
    [
        ("any", "493023125001", "03099001234", "+493099001234"),
        ("any", "03023125001", "493099001234", "+493099001234"),
        ("any", "+493023125001", "03099001234", "+493099001234"),
        ("any", "493023125001", "0033123456789", "+33123456789"),
        ("e164-no-plus", "493023125001", "03099001234", "+493099001234"),
        ("e164", "+493023125001", "03099001234", "+493099001234"),
        # These say that both numbers are written so.
        ("e164", "+493023125001", "493099001234", None),
        ("any", "493023125001", "101", None),
    ],
)
def test_a_caller_written_otherwise_than_the_called_number_is_known_all_the_same(
    world: World, inbound_format: str, called: str, calling: str, number: str | None
) -> None:
    change(world, "trunks", inbound_format=inbound_format)
    fax, _ = kept(world, accept(world, called, calling))
    assert fax["calling_number"] == number


@pytest.mark.parametrize(
    ("called", "prefix", "found"),
    [
        ("4711#03023125001", "4711#", True),
        ("4711%2303023125001", "4711#", True),
        ("003023125001", "0", True),
        # Not there: as it is.
        ("+493023125001", "4711#", True),
        ("4711#03023125001", "", False),
        ("4711#03023125001", "4712#", False),
    ],
)
def test_a_prefix_of_the_trunks_is_taken_off_the_called_number(
    world: World, called: str, prefix: str, found: bool
) -> None:
    change(world, "trunks", inbound_prefix=prefix)
    decision = accept(world, called)
    assert cause(decision) == (None if found else accepting.UNKNOWN_DID)
    if found:
        fax, attempt = kept(world, decision)
        assert fax["called_number"] == world.acme.did
        # What was written is kept as it was.
        assert attempt["invite_uri"] == f"sip:{called}@127.0.0.1:5090"


def test_a_prefix_is_the_called_numbers_and_no_callers(world: World) -> None:
    change(world, "trunks", inbound_prefix="0")
    fax, _ = kept(world, accept(world, "0+493023125001", "03099001234"))
    assert fax["calling_number"] == "+493099001234"


@pytest.mark.parametrize(
    ("called_so", "calling_so", "called", "calling", "number"),
    [
        ("e164", "national", "+493023125001", "03099001234", "+493099001234"),
        ("national", "e164-no-plus", "03023125001", "33123456789", "+33123456789"),
        ("e164", "e164-no-plus", "+493023125001", "33123456789", "+33123456789"),
        ("e164", "any", "+493023125001", "33123456789", "+33123456789"),
        # Of no format of its own: as the called one was.
        ("e164", None, "+493023125001", "33123456789", None),
        ("any", "e164", "493023125001", "33123456789", None),
    ],
)
def test_calling_numbers_may_have_a_format_of_their_own(
    world: World, called_so: str, calling_so: str | None, called: str, calling: str, number: str | None
) -> None:
    change(world, "trunks", inbound_format=called_so, inbound_calling_format=calling_so)
    fax, _ = kept(world, accept(world, called, calling))
    assert fax["calling_number"] == number


@pytest.mark.parametrize(("rule", "let_in"), [("block", False), ("allow", True)])
def test_lists_hold_for_a_caller_written_otherwise_than_the_called_number(
    world: World, rule: str, let_in: bool
) -> None:
    lists(world, plus493099=rule)
    assert cause(accept(world, "493023125001", "03099001234")) == (None if let_in else accepting.DECLINED)


@pytest.mark.parametrize("others", [True, False])
def test_a_stranger_does_not_choose_the_trunk_that_is_believed(world: World, others: bool) -> None:
    change(world, "trunks", trusts_identity=True)
    add_trunk(world, "beside", source_networks=["127.0.0.0/8"], trusts_identity=others)
    asserted = "<sip:03099007777@carrier.example>"
    fax, attempt = kept(world, accept(world, gateway="carrier", asserted=asserted))
    assert attempt["trunk"] == "carrier"
    assert fax["calling_number"] == ("+493099007777" if others else "+493099001234")


@pytest.mark.parametrize("gateway", [None, "carrier", "exact"])
def test_a_call_is_of_the_trunk_whose_network_fits_best(world: World, gateway: str | None) -> None:
    """The world's carrier is older, and has 127.0.0.0/8; what its entry demands is no affair of one host in it."""
    add_trunk(world, "exact", source_networks=["10.0.0.0/8", "127.0.0.9/32", "127.0.0.0/9"], trusts_identity=True)
    add_trunk(world, "wide", source_networks=["127.0.0.0/16"], transport="tls", encrypted_media=True, t38=False)
    add_trunk(world, "off", source_networks=["127.0.0.9/32"], enabled=False)
    asserted = "<sip:03099007777@carrier.example>"
    fax, attempt = kept(world, accept(world, source_address="127.0.0.9", gateway=gateway, asserted=asserted))
    assert (attempt["trunk"], fax["calling_number"]) == ("exact", "+493099007777")
    _, attempt = kept(world, accept(world, source_address="127.200.0.1", gateway=gateway, channel_uuid="uuid-2"))
    assert attempt["trunk"] == "carrier"


@pytest.mark.parametrize(("of_did", "of_tenant", "ident"), [("2", "1", "2"), ("", "1", "1"), ("", "", "+493023125001")])
def test_the_ident_is_the_dids_then_the_tenants_then_the_number(
    world: World, of_did: str, of_tenant: str, ident: str
) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute("update dids set station_ident = %s", (of_did,))
        tx.execute("update tenants set station_ident = %s where id = %s", (of_tenant, world.acme.tenant.id))
    decision = accept(world)
    assert isinstance(decision, Accepted)
    assert decision.ident == ident


def test_a_trunks_own_format_is_the_only_one(world: World) -> None:
    change(world, "trunks", inbound_format="e164")
    assert cause(accept(world, "493023125001")) == accepting.UNKNOWN_DID
    assert isinstance(accept(world, "+493023125001", channel_uuid="another"), Accepted)


def test_a_did_whose_mailbox_nobody_could_open_is_refused(world: World) -> None:
    """480, and no page is ever taken; once somebody of the tenant is enrolled it is answered."""
    nova = office(world.admin, "nova", "+493023125003")
    assert cause(accept(world, nova.did)) == accepting.NOBODY_READS
    assert nothing_is_open(world)
    assert not [*world.spool.inbound.iterdir()]
    enrol(world.portal, nova)
    assert cause(accept(world, nova.did)) is None


@pytest.mark.parametrize("off", ["update tenants set enabled = false", "update dids set enabled = false"])
def test_a_did_that_is_switched_off_is_nobodys(world: World, off: str) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        tx.execute(off)
    assert cause(accept(world)) == accepting.UNKNOWN_DID


@pytest.mark.parametrize("calling", [None, "", "anonymous", "Restricted", "not a number"])
def test_an_anonymous_caller_is_let_in(world: World, calling: str | None) -> None:
    fax, _ = kept(world, accept(world, calling=calling))
    assert fax["calling_number"] is None


def test_nothing_is_committed_for_a_caller_who_has_given_up(world: World) -> None:
    waiting = Waiting()
    waiting.give_up()
    with pytest.raises(DatabaseUnavailable):
        accept(world, waiting=waiting)
    assert nothing_is_open(world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select count(*) from faxes") == 0
    assert not list(world.spool.inbound.iterdir())


@pytest.mark.parametrize("step", [(Transaction, "commit"), (Spool, "expect")], ids=["commit", "sidecar"])
def test_what_was_written_for_a_caller_who_gave_up_meanwhile_is_undone(
    world: World, monkeypatch: pytest.MonkeyPatch, step: tuple[type, str]
) -> None:
    waiting, real = Waiting(), getattr(*step)

    def stalls(*arguments: Any) -> None:
        real(*arguments)
        waiting.give_up()

    monkeypatch.setattr(*step, stalls)
    with pytest.raises(DatabaseUnavailable, match="took too long"):
        accept(world, waiting=waiting)
    assert_withdrawn(world)


def test_a_call_that_cannot_be_noted_in_the_spool_is_undone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Spool, "expect", full)
    with pytest.raises(OSError, match="No space"):
        accept(world)
    assert_withdrawn(world)


def assert_withdrawn(world: World) -> None:
    """It holds no place, and its mailbox has heard nothing of it."""
    assert nothing_is_open(world)
    assert not list(world.spool.inbound.iterdir())
    with world.portal.tenant(world.acme.tenant.id) as tx:
        fax = tx.one("select state, error_id, explanation from faxes")
    assert (fax["state"], fax["error_id"]) == ("failed", "not-answered")
    assert "503" in fax["explanation"]
    assert noticed(world, world.acme) == []


def test_the_same_channel_cannot_be_two_calls(world: World) -> None:
    accept(world)
    with pytest.raises(Exception, match="calls_channel_uuid_key"):
        accept(world)


# ----------------------------------------------------------------------------------------------- which number is called

DIVERTED = "<sip:+493023125002@carrier.example>;reason=unconditional"
WENT_TO = "<sip:+493023125002@carrier.example>;index=1, <sip:03023125001@127.0.0.1>;index=1.1"


@pytest.mark.parametrize(
    ("places", "values", "number", "place"),
    [
        (["request"], {}, "+493023125001", "request"),
        (["to", "request"], {"to": "<sip:+493023125002@a>"}, "+493023125002", "to"),
        (["to", "request"], {"to": "<sip:+4930000@a>"}, "+493023125001", "request"),
        (["request", "to"], {"called": "+4930000", "to": "<sip:+493023125002@a>"}, "+493023125002", "to"),
        (["request"], {"called": "gw+carrier", "to": "<sip:+493023125002@a>"}, "+493023125002", "to"),
        (["diversion", "request"], {"diversion": DIVERTED}, "+493023125002", "diversion"),
        (["history-info"], {"history": WENT_TO}, "+493023125001", "history-info"),
        (["diversion", "request"], {"diversion": f"{DIVERTED}, nonsense"}, "+493023125001", "request"),
    ],
)
def test_a_trunk_says_where_it_writes_the_called_number(
    world: World, places: list[str], values: dict[str, str], number: str, place: str
) -> None:
    change(world, "trunks", called_from=places, trusts_identity=True)
    fax, attempt = kept(world, accept(world, **values))
    assert (fax["called_number"], attempt["called_from"]) == (number, place)


def test_the_request_alone_says_it_unless_the_trunk_s_entry_does(world: World) -> None:
    assert cause(accept(world, "+493023125999", to="<sip:+493023125001@a>")) == accepting.UNKNOWN_DID


@pytest.mark.parametrize("header", [{"diversion": DIVERTED}, {"history": WENT_TO}])
def test_an_untrusted_trunk_s_diversion_leads_nowhere(world: World, header: dict[str, str]) -> None:
    change(world, "trunks", called_from=["diversion", "history-info"])
    assert cause(accept(world, "+493023125999", **header)) == accepting.UNKNOWN_DID


# ------------------------------------------------------------------------------------------------------------ who calls

ASSERTED = '"Real" <sip:+4930222222;verstat=TN-Validation-Passed-B@carrier.example>'


@pytest.mark.parametrize(("trusted", "number"), [(True, "+4930222222"), (False, "+493099001234")])
def test_an_asserted_identity_counts_from_a_trusted_trunk(world: World, trusted: bool, number: str) -> None:
    change(world, "trunks", trusts_identity=trusted)
    fax, attempt = kept(world, accept(world, asserted=ASSERTED, preferred="<sip:+4930999999@evil.example>"))
    assert fax["calling_number"] == number
    assert attempt["caller_id"] == ("Real +4930222222" if trusted else "Somebody 03099001234")
    assert (attempt["verstat"], attempt["attest"]) == (("TN-Validation-Passed-B", "B") if trusted else (None, None))
    # Whoever counts, what was written is there to be looked at.
    assert attempt["invite_asserted"] == ASSERTED


def test_a_caller_that_asks_for_privacy_has_no_number(world: World) -> None:
    change(world, "trunks", trusts_identity=True)
    fax, attempt = kept(world, accept(world, asserted=ASSERTED, privacy="id"))
    assert (fax["calling_number"], attempt["caller_id"]) == (None, "anonymous")


def test_what_settles_a_dispute_is_kept_as_it_was_written(world: World) -> None:
    headers = {"remote_party": "<sip:+4930333333@a>;screen=no", "history": WENT_TO}
    _, attempt = kept(world, accept(world, calling_name='Al "Ice"', **headers))
    assert (attempt["invite_uri"], attempt["invite_to"]) == (
        "sip:03023125001@127.0.0.1:5090",
        "<sip:03023125001@127.0.0.1>",
    )
    assert attempt["invite_from"] == '"Al \\"Ice\\"" <sip:030-99001234@carrier.example>;tag=1'
    assert (attempt["invite_asserted"], attempt["invite_diversion"]) == (headers["remote_party"], WENT_TO)


# ------------------------------------------------------------------------------------------------ allow and block lists


def lists(world: World, **rules: str) -> None:
    """Enters callers of acme's DID; `plus` stands for +."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        for caller, rule in rules.items():
            did_callers.add(tx, world.acme.tenant.id, world.acme.did, caller.replace("plus", "+"), rule)


@pytest.mark.parametrize(
    ("rules", "calling", "let_in"),
    [
        ({}, "+493099001234", True),
        ({"plus4930": "block"}, "+493099001234", False),
        ({"plus4930": "block"}, "+498999001234", True),
        ({"plus4930": "block"}, None, True),
        ({"plus": "block"}, "+493099001234", False),
        ({"plus": "block"}, None, True),
        ({"anonymous": "block"}, None, False),
        ({"anonymous": "block"}, "+493099001234", True),
        ({"plus4930": "allow"}, "+493099001234", True),
        ({"plus4930": "allow"}, "+498999001234", False),
        ({"plus4930": "allow"}, None, False),
        ({"plus4930": "allow", "anonymous": "allow"}, None, True),
        # The most specific wins, whichever rule it has.
        ({"plus49": "allow", "plus493099": "block"}, "+493099001234", False),
        ({"plus49": "block", "plus493099001234": "allow"}, "+493099001234", True),
        ({"plus49": "block", "plus493099001234": "allow"}, "+493099001235", False),
        ({"plus49": "block", "plus1": "allow"}, "+33123456789", False),
        # A prefix, and no pattern.
        ({"plus4930990012345": "block"}, "+493099001234", True),
    ],
)
def test_a_did_has_lists_of_callers(world: World, rules: dict[str, str], calling: str | None, let_in: bool) -> None:
    lists(world, **rules)
    decision = accept(world, calling=calling)
    assert cause(decision) == (None if let_in else accepting.DECLINED)
    assert refused(world, world.acme) == ({} if let_in else {"caller": 1})
    # Another DID's callers are none of its business.
    assert cause(accept(world, world.borea.did, calling, channel_uuid="other")) is None


def test_refused_callers_hear_busy_where_the_did_says_so_and_are_counted(world: World) -> None:
    lists(world, plus="block")
    set_did(world, world.acme, refusal="busy")
    for number in range(3):
        assert cause(accept(world, channel_uuid=str(number))) == accepting.BUSY
    assert refused(world, world.acme) == {"caller": 3}
    assert nothing_is_open(world)


def test_a_number_that_hides_behind_a_name_is_still_blocked(world: World) -> None:
    lists(world, plus493099="block")
    change(world, "trunks", trusts_identity=True)
    for calling in ("+493099001234", "+49-30-9900-1234", "%2B493099001234", "030%2099001234"):
        assert cause(accept(world, calling=calling)) == accepting.DECLINED


# --------------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [("node", accepting.FULL), ("trunk", accepting.FULL), ("tenant", accepting.BUSY), ("did", accepting.BUSY)],
)
def test_a_limit_leaves_room_for_as_many_calls_as_it_says(world: World, limit: str, refusal: str) -> None:
    if limit in ("trunk", "tenant"):
        change(world, f"{limit}s", max_calls=2)
    if limit == "did":
        set_did(world, world.acme, max_calls=2)
    channels = 2 if limit == "node" else 100
    decisions = [cause(accept(world, channel_uuid=str(each), max_channels=channels)) for each in range(4)]
    assert decisions == [None, None, refusal, refusal]
    assert refused(world, world.acme) == {"tenant": {"tenant-full": 2}, "did": {"did-full": 2}}.get(limit, {})
    # The other tenant is limited by what both share.
    other = accept(world, world.borea.did, channel_uuid="other", max_channels=channels)
    assert cause(other) == (refusal if limit in ("node", "trunk") else None)


def test_calls_that_go_out_count_for_calls_that_come_in(world: World) -> None:
    change(world, "trunks", max_calls=1)
    queued(world, world.acme)
    assert len(claim(world)) == 1
    assert cause(accept(world)) == accepting.FULL


def test_calls_that_go_out_to_a_did_are_none_for_it(world: World) -> None:
    """On a trunk that leads back to us both ends are calls of ours, and one of them comes in."""
    set_did(world, world.borea, max_calls=1)
    queued(world, world.acme, number=world.borea.did)
    assert len(claim(world)) == 1
    assert cause(accept(world, world.borea.did)) is None


def test_a_limit_holds_for_calls_that_come_in_at_once(world: World) -> None:
    change(world, "tenants", max_calls=3)
    decisions = in_threads(*(lambda n=n: cause(accept(world, channel_uuid=str(n))) for n in range(8)))  # type: ignore[misc]
    assert sorted(map(str, decisions)) == ["None"] * 3 + ["USER_BUSY"] * 5


def test_a_limit_holds_between_claims_and_calls_that_come_in(world: World) -> None:
    change(world, "trunks", max_calls=4)
    for _ in range(8):
        queued(world, world.borea)
    in_threads(
        *(lambda n=n: accept(world, channel_uuid=str(n)) for n in range(4)),  # type: ignore[misc]
        *(lambda: claim(world, most=1) for _ in range(4)),
    )
    with world.switch.across_tenants() as tx:
        assert tx.value("select count(*) from calls") == 4


def test_a_look_up_does_not_wait_for_others_longer_than_it_may(world: World) -> None:
    holds, done = threading.Event(), threading.Event()

    def claims_for_long() -> None:
        with world.switch.across_tenants() as tx:
            queue.take_turn(tx)
            tx.value("select 1")
            holds.set()
            done.wait(30)

    other = threading.Thread(target=claims_for_long)
    other.start()
    try:
        assert holds.wait(30)
        with pytest.raises(DatabaseUnavailable, match="lock timeout"):
            accept(world, wait_seconds=0.3)
    finally:
        done.set()
        other.join()
    assert nothing_is_open(world)
    assert cause(accept(world, wait_seconds=30)) is None


# ------------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("of_did", "of_trunk", "t38", "ecm"),
    [
        ({}, {}, True, True),
        ({"t38": False}, {}, False, True),
        ({}, {"t38": False}, False, True),
        ({"ecm": False}, {}, True, False),
        ({}, {"ecm": False, "v17": False}, True, False),
    ],
)
def test_a_did_and_its_trunk_say_what_a_call_may_use(
    world: World, of_did: dict[str, object], of_trunk: dict[str, object], t38: bool, ecm: bool
) -> None:
    if of_did:
        set_did(world, world.acme, **of_did)
    if of_trunk:
        change(world, "trunks", **of_trunk)
    decision = accept(world)
    assert isinstance(decision, Accepted)
    assert media(decision) == (t38, ecm)
    _, attempt = kept(world, decision)
    assert (attempt["t38_offered"], attempt["ecm_offered"]) == (t38, ecm)
    assert attempt["v17_offered"] == of_trunk.get("v17", True)


# ------------------------------------------------------------------------------------------------- handed over by a PBX


def test_a_call_that_the_dialplan_hands_over_is_of_the_trunk_that_it_names(world: World) -> None:
    add_trunk(world, "pstn", inbound_format="e164")
    _, attempt = kept(world, accept(world, "+493023125001", trunk="pstn", source_address="192.0.2.77"))
    assert (attempt["trunk"], attempt["peer_address"]) == ("pstn", "192.0.2.77")


@pytest.mark.parametrize("name", ["nowhere", "", "carrier' or true; --", "${trunk}", "\udcff"])
def test_a_trunk_that_is_not_there_takes_no_calls(world: World, name: str) -> None:
    assert cause(accept(world, trunk=name)) == accepting.UNKNOWN_SOURCE


def test_a_trunk_that_is_switched_off_takes_no_calls(world: World) -> None:
    change(world, "trunks", enabled=False)
    assert cause(accept(world, trunk="carrier")) == accepting.UNKNOWN_SOURCE


# -------------------------------------------------------------------------------------------------------------- hostile

HEADERS = ("called", "calling", "calling_name", "to", "sender", "asserted", "remote_party", "preferred", "privacy",
           "diversion", "history", "identity", "name_parameters", "verified", "request_uri")  # fmt: skip


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: ascii(text)[:24])
def test_hostile_text_is_kept_as_inert_text(world: World, text: str, trusted: bool) -> None:
    change(world, "trunks", trusts_identity=trusted, called_from=["diversion", "history-info", "to", "request"])
    for number, header in enumerate(HEADERS):
        values = {} if header == "called" else {header: text}
        called = text if header == "called" else "03023125001"
        decision = accept(world, called, channel_uuid=str(number), **values)
        if header == "called":
            assert cause(decision) == accepting.UNKNOWN_DID
            continue
        fax, attempt = kept(world, decision)
        assert fax["calling_number"] in (None, "+493099001234")
        assert attempt["verstat"] is attempt["attest"] is None
        for column in ("caller_id", "invite_uri", "invite_to", "invite_from", "invite_asserted", "invite_diversion"):
            said = str(attempt[column] or "")
            assert said.encode("utf-8").count(b"\0") == 0
            assert len(said) <= 250
        # What the call needs later is ours alone.
        assert isinstance(decision, Accepted)
        sidecar = world.spool.inbound / f"{decision.sidecar.attempt_id}.json"
        assert sidecar.read_bytes().isascii()
        assert ascii(text[:6])[1:-1] not in sidecar.read_text()
    written = {"header": "asserted", "column": "invite_asserted"}
    _, attempt = kept(world, accept(world, channel_uuid="as-written", asserted=text))
    if text.isprintable():
        assert attempt[written["column"]] == text[:250]


def test_every_column_takes_hostile_text_at_once(world: World) -> None:
    nasty = "".join(TEXTS)[:4000]
    values = {header: nasty for header in HEADERS if header not in ("called", "calling_name", "sender")}
    decision = accept(world, **(values | {"calling": CALLING, "calling_name": nasty}))
    fax, _ = kept(world, decision)
    assert fax["calling_number"] == "+493099001234"
    assert accepted(world, world.borea, "and the next call").attempt_id
