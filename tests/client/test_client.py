"""The client does what the API can, and its shapes are the API's."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

import faxplan_client
from faxplan import documents, reader_keys, users
from faxplan.api_keys import Scope
from faxplan.enrolment import Secret as EnrolmentSecret
from faxplan.sandbox_numbers import End
from faxplan.web_client import WebClient
from faxplan_client import (
    CannotOpen,
    Client,
    Conflict,
    Cover,
    File,
    Forbidden,
    HowToRead,
    Invalid,
    Link,
    NewPace,
    NewRetries,
    NotAuthenticated,
    NotFound,
    Password,
    ReaderKey,
    RecoveryCode,
)
from faxplan_client import transport as transports
from faxplan_client.answers import OrganisationMailboxes
from portal.api import client_answers, openapi
from tests.client.conftest import Server
from tests.fax_mails import pdf
from tests.retained import count, received
from tests.world import PHRASE, ready_made

LETTER = File("letter.txt", b"A letter.\n\fIts second page.\n")
WITHOUT_A_METHOD = ("/organisation/", "/installation/", "/cover-pages/preview")
"""Operations for administrators, who have the portal and the server's commands: `Client.ask_for` reaches them, with the
shapes of `answers`."""


def test_its_answers_are_the_documents() -> None:
    # `make answers` writes them anew.
    assert client_answers.FILE.read_text(encoding="utf-8") == client_answers.text()


def asked(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The operations that are asked for from now on, by their operationId."""
    patterns = [
        (method.upper(), re.compile(re.sub(r"\{[a-z_]+\}", "[^/]+", path)), said["operationId"])
        for path, methods in openapi.document()["paths"].items()
        for method, said in methods.items()
    ]
    found: set[str] = set()
    once = transports.Transport._once

    def noted(self: transports.Transport, request: transports.Request, take: Callable[..., bytes]) -> bytes:
        found.update(name for method, path, name in patterns
                     if method == request.method and path.fullmatch(request.path))  # fmt: skip
        return once(self, request, take)

    monkeypatch.setattr(transports.Transport, "_once", noted)
    return found


def test_each_operation_is_reached(  # noqa: PLR0915
    server: Server, acme: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    world = server.world
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.change(tx, world.acme.tenant.id, world.acme.user.id, {"role": users.ADMINISTRATOR})
    reached = asked(monkeypatch)
    assert (acme.account().email, acme.quota(), acme.labels()) == (world.acme.user.email, [], [])
    assert [each.number for each in acme.numbers()] == [world.acme.did]
    assert [each.name for each in acme.mailboxes()] == [world.acme.user.email]
    assert [each.is_standard for each in acme.cover_pages()] == [True]
    # Faxes.
    letter = tmp_path / "Brief Ä.pdf"
    letter.write_bytes(pdf(1))
    (fax,) = acme.send(End.SENT.number, [letter, LETTER], cover=Cover(to_name="Änn", subject="x"), priority="bulk",
                       resolution="standard", billing_code="4711", labels=["Order"]).faxes  # fmt: skip
    acme.add_label(fax.id, "a+b% ä")
    assert (acme.fax(fax.id).labels, acme.labels()) == (["a+b% ä", "Order"], ["a+b% ä", "Order"])
    acme.remove_label(fax.id, "a+b% ä")
    server.work()
    assert (acme.wait(fax.id).state, acme.fax(fax.id).pages_done, len(acme.attempts(fax.id))) == ("sent", 4, 1)
    (waiting,) = acme.send(["+493023125009"], LETTER, send_at=datetime.now(UTC).replace(year=2027)).faxes
    assert acme.cancel(waiting.id)
    acme.delete(waiting.id)
    with pytest.raises(Conflict, match="ended"):
        acme.cancel(fax.id)
    assert [each.id for each in acme.faxes("outbound", part=1)] == [fax.id]
    assert acme.open(fax.id, Password(PHRASE), "original").called is not None
    # Once more: nothing there opens it any more.
    with pytest.raises(Conflict) as needs:
        acme.resend(fax.id)
    assert needs.value.error_id == "resend-needs-document"
    again = acme.resend(fax.id, [End.SENT.number, "+493023125009"], by=Password(PHRASE))
    assert [each.to for each in again.faxes] == [End.SENT.number, "+493023125009"]
    server.work()
    assert acme.fax(again.faxes[0].id).state == "sent"
    assert (acme.batch(again.batch).standings.open, acme.cancel_batch(again.batch).cancelled) == (1, 1)
    assert len(list(acme.faxes("outbound", batch=again.batch))) == 2
    assert acme.reader_keys() == []
    # Contacts.
    ann = acme.contacts.add("+493023125009", name="Ann", note="ä")
    assert acme.contacts.change(ann.id, "+493023125008", name="Anna").number == "+493023125008"
    group = acme.groups.add("All")
    assert (acme.groups.rename(group.id, "Everybody").name, acme.groups.put_in(group.id, [ann.id])) == ("Everybody", 1)
    assert [each.name for each in acme.contacts.list("An", group=group.id)] == ["Anna"]
    acme.groups.take_out(group.id, ann.id)
    assert [each.contacts for each in acme.groups.list()] == [0]
    acme.groups.delete(group.id)
    assert acme.contacts.get(ann.id).note == ""
    acme.contacts.delete(ann.id)
    # Campaigns.
    made = acme.campaigns.make("Spring", LETTER, pace=NewPace(per_minute=60, at_once=2))
    assert (made.state, made.pace.per_minute, made.pace.weekdays) == ("draft", 60, [1, 2, 3, 4, 5, 6, 7])
    table = b"number;name\n+493023125011;A\n+493023125011;B\nx;C\n"
    seen = acme.campaigns.preview_csv(made.id, table, HowToRead(separator="semicolon", heading=True))
    assert (seen.lines, seen.columns.number, seen.first[0].number) == (3, 0, "+493023125011")
    assert acme.campaigns.add_csv(made.id, table, HowToRead(columns={"number": 0, "name": 1})) > 0
    server.work()
    assert acme.campaigns.add_numbers(made.id, ["+493023125012"]) == 1
    server.work()
    counted = acme.campaigns.get(made.id).recipients
    assert (counted.waiting, {each.why: each.recipients for each in counted.left_out}) == (
        2, {"duplicate": 1, "invalid-number": 1},
    )  # fmt: skip
    assert [each.number for each in acme.campaigns.recipients(made.id, state="waiting")] == [
        "+493023125011", "+493023125012",
    ]  # fmt: skip
    acme.contacts.add("+493023125011", name="Bea")
    acme.campaigns.add_contacts(made.id, everybody=True)
    acme.campaigns.stop_reading(made.id)
    assert acme.campaigns.progress(made.id).points == []
    with (tmp_path / "results.csv").open("w+b") as target:
        acme.campaigns.results(made.id, target)
        target.seek(0)
        assert b"+493023125012" in target.read()
    assert acme.campaigns.change(made.id, retries=NewRetries(2, [120])).retries.delays == [120]
    assert acme.campaigns.change(made.id, name="Summer", pace=NewPace(at_once=3)).pace.at_once == 3
    assert acme.campaigns.set_cover(made.id, Cover(to_name="{{ name }}", subject="x")).has_cover
    assert "name" in {each.name for each in acme.campaigns.cover(made.id).fields}
    assert acme.campaigns.preview_cover(made.id, Cover(to_name="{{ name }}")).pages == 1
    tried = acme.campaigns.test(made.id, End.SENT.number)
    server.work()
    assert [(each.id, each.is_done) for each in acme.campaigns.tests(made.id)] == [(tried.id, True)]
    acme.campaigns.remove_cover(made.id)
    assert acme.campaigns.start(made.id).state == "running"
    assert acme.campaigns.pause(made.id).state == "paused"
    assert acme.campaigns.cancel(made.id).state == "cancelled"
    other = acme.campaigns.clone(made.id, name="Never", documents=LETTER)
    assert other.retries.max_attempts == 2
    acme.campaigns.remove(other.id)
    assert [each.name for each in acme.campaigns.list(part=1)] == ["Summer"]
    # Webhooks.
    hook = acme.webhooks.make("https://shop.example/faxes", own_only=True, description="x")
    assert hook.secret.startswith("whsec_")
    assert hook.secret not in repr(hook)
    assert acme.webhooks.change(hook.id, enabled=True, description="y").description == "y"
    assert acme.webhooks.rotate_secret(hook.id).secret != hook.secret
    told = acme.webhooks.test(hook.id)
    assert [each.id for each in acme.webhooks.deliveries(hook.id, part=1)] == [told.id]
    acme.webhooks.resend(told.id)
    assert acme.webhooks.get(hook.id) == acme.webhooks.list()[0]
    acme.webhooks.delete(hook.id)
    # The organisation.
    assert next(acme.audit(action="webhook")).object == f"webhook:{hook.id}"
    assert acme.ask("GET", f"/faxes/{fax.id}")["id"] == fax.id
    own = acme.ask_for(OrganisationMailboxes, "GET", "/organisation/mailboxes", query={"limit": 1})
    assert [each.name for each in own.mailboxes] == [world.acme.user.email]
    (key,) = acme.keys()
    assert (key.name, key.this_one) == ("test", True)
    acme.end_key(key.id)
    with pytest.raises(NotAuthenticated):
        acme.account()
    wanted = {
        said["operationId"]
        for path, methods in openapi.document()["paths"].items()
        if not path.startswith(WITHOUT_A_METHOD)
        for said in methods.values()
    }
    assert reached == wanted | {"listAllMailboxes"}


def test_lists_go_on_where_a_part_ends(server: Server, acme: Client) -> None:
    for number in range(5):
        acme.contacts.add(f"+4930231250{number:02}", name=f"Contact {number}")
    assert [each.name for each in acme.contacts.list(part=2)] == [f"Contact {number}" for number in range(5)]
    numbers = [each.id for number in range(5) for each in acme.send(f"+4930231250{number:02}", LETTER).faxes]
    assert [each.id for each in acme.faxes("outbound", part=2)] == numbers[::-1]
    assert [each.id for each in acme.faxes("outbound", since=acme.fax(numbers[3]).created_at)] == numbers[:2:-1]


def test_a_document_elsewhere_goes_as_its_address(server: Server, acme: Client) -> None:
    server.portal._api._web = WebClient(resolver=lambda _host, _port: ["127.0.0.1"])  # type: ignore[union-attr]
    with pytest.raises(Invalid) as caught:
        acme.send(End.SENT.number, [LETTER, Link("https://files.example/a.pdf")])
    assert caught.value.error_id == "address-refused"


def test_what_is_refused_says_where_and_why(server: Server, acme: Client) -> None:
    with pytest.raises(Invalid) as caught:
        acme.send([], LETTER)
    assert (caught.value.status, caught.value.error_id, caught.value.retryable) == (422, "invalid-request", False)
    assert [each.pointer for each in caught.value.errors] == ["/to"]
    with pytest.raises(Invalid) as caught:
        acme.send("110", LETTER)
    assert caught.value.error_id == "emergency-number"
    with pytest.raises(NotFound):
        acme.fax(10**6)
    few = server.client(server.world.acme, [Scope.FAXES_READ], "few")
    with pytest.raises(Forbidden) as refused:
        few.send(End.SENT.number, LETTER)
    assert (refused.value.error_id, refused.value.once is not None) == ("no-scope", True)
    assert count(server.world, "faxes") == 0
    with pytest.raises(FileNotFoundError):
        acme.send(End.SENT.number, "not-there.pdf")


# ------------------------------------------------------------------------------------------------------------- opening


def test_a_fax_opens_by_each_secret_of_a_reader(server: Server, acme: Client) -> None:
    world = server.world
    number = received(world, world.acme, "one")
    reader = reader_keys.make(
        world.portal, world.acme.user, EnrolmentSecret(PHRASE), "archive", [world.acme.user.email]
    )
    code = ready_made(world.acme.tenant.id)[2]
    secrets = [Password(PHRASE), RecoveryCode(code.lower().replace("-", " ")), ReaderKey(f" {reader}\n")]
    for secret in secrets:
        opened = acme.open(number, secret)
        assert (opened.name, opened.content[:5]) == ("pdf", b"%PDF-")
        assert repr(secret).count("*") == 0
        assert PHRASE not in repr(secret)
    ring = acme.unlock(secrets[0])
    tiff = acme.open(number, ring, "tiff").content
    with world.portal.tenant(world.acme.tenant.id) as tx:
        stored = tx.value("select tiff_id from faxes where id = %s", (number,))
        document = documents.get(tx, world.acme.tenant.id, stored)
    assert tiff == world.opened(document)
    # It is read, and stands in the audit.
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select authenticated from audit where action = 'fax.open'")
    assert len(rows) == len(secrets) + 1


def test_no_secret_is_sent(server: Server, acme: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    world = server.world
    reader = reader_keys.make(
        world.portal, world.acme.user, EnrolmentSecret(PHRASE), "archive", [world.acme.user.email]
    )
    code = ready_made(world.acme.tenant.id)[2]
    sent_bodies: list[bytes] = []
    once = transports.Transport._once

    def noted(self: transports.Transport, request: transports.Request, take: Callable[..., bytes]) -> bytes:
        sent_bodies.append(repr(request).encode() + b"".join(request.body or ()))
        return once(self, request, take)

    monkeypatch.setattr(transports.Transport, "_once", noted)
    for secret in (Password(PHRASE), RecoveryCode(code), ReaderKey(reader)):
        acme.unlock(secret)
    whole = b"".join(sent_bodies)
    assert whole.count(b"/user-key/unlock") == 2
    for text in (PHRASE, code, code.replace("-", ""), reader.removeprefix("fxr_")):
        assert text.encode() not in whole


def test_who_has_the_wrong_secret_opens_nothing(server: Server, acme: Client) -> None:
    world = server.world
    number = received(world, world.acme, "one")
    other = reader_keys.make(world.portal, world.borea.user, EnrolmentSecret(PHRASE), "other", [world.borea.user.email])
    for secret, error, error_id in (
        (Password("not the right one"), Forbidden, "wrong-login"),
        (RecoveryCode("ABCD-EFGH-IJKL-MNOP-QRST-UVWX-YZ23-4567"), Forbidden, "wrong-login"),
        (RecoveryCode("ABCD"), CannotOpen, "invalid-secret"),
        (ReaderKey("fxr_x"), CannotOpen, "invalid-secret"),
        (ReaderKey(other), CannotOpen, "locked"),
    ):
        with pytest.raises(error) as caught:
            acme.open(number, secret)
        assert (caught.value.error_id, secret.text in str(caught.value)) == (error_id, False)


def test_an_api_key_that_only_reads_unlocks_nothing(server: Server) -> None:
    others = server.client(
        server.world.acme, [each for each in Scope if each not in (Scope.FAXES_OPEN, Scope.OPERATOR)]
    )
    for secret in (Password(PHRASE), RecoveryCode(ready_made(server.world.acme.tenant.id)[2])):
        with pytest.raises(Forbidden, match="faxes:open"):
            others.unlock(secret)


def test_a_file_in_anothers_place_does_not_open(server: Server, acme: Client) -> None:
    """Whoever has the disk swaps two files that have the same readers."""
    world = server.world
    one, two = (received(world, world.acme, name) for name in ("one", "two"))
    ring = acme.unlock(Password(PHRASE))
    assert acme.open(one, ring, "tiff").content
    with world.portal.tenant(world.acme.tenant.id) as tx:
        ids = [tx.value("select tiff_id from faxes where id = %s", (each,)) for each in (one, two)]
        first, second = (world.store.sealed_file(documents.get(tx, world.acme.tenant.id, each)) for each in ids)
    first.write_bytes(second.read_bytes())
    with pytest.raises(CannotOpen) as caught:
        acme.open(one, ring, "tiff")
    assert caught.value.error_id == "seal-broken"


def test_a_sent_fax_opens_as_the_tiff_of_its_pages(server: Server, acme: Client) -> None:
    (fax,) = acme.send(End.SENT.number, LETTER).faxes
    server.work()
    opened = acme.open(fax.id, Password(PHRASE))
    assert (opened.name, opened.content[:4] in (b"II*\0", b"MM\0*")) == ("tiff", True)
    original = acme.open(fax.id, Password(PHRASE), "original")
    assert (original.called, original.content) == (LETTER.name, LETTER.content)
    with pytest.raises(CannotOpen, match="no pdf") as caught:
        acme.open(fax.id, Password(PHRASE), "pdf")
    assert caught.value.error_id == "no-such-file"


def test_nothing_is_derived_for_less_than_it_takes(server: Server, acme: Client) -> None:
    parameters = acme._key_parameters()
    for weaker in (replace(parameters, memory_kib=1024), replace(parameters, passes=1), replace(parameters, salt=b"x")):
        with pytest.raises(CannotOpen) as caught:
            faxplan_client.keys.of_password("x", weaker)
        assert caught.value.error_id == "weak-parameters"
    # It would end for want of memory, or not at all.
    for heavier in (
        replace(parameters, memory_kib=2**31),
        replace(parameters, passes=2**31),
        replace(parameters, lanes=99),
    ):
        with pytest.raises(CannotOpen) as caught:
            faxplan_client.keys.of_password("x", heavier)
        assert caught.value.error_id == "excessive-parameters"
