"""What comes back of our mails is noted, by who may know of them; whatever else comes there is thrown away."""

from dataclasses import replace

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import mail_bounces, outbox
from faxplan.db import Row
from faxplan.errors import DatabaseUnavailable
from faxplan.key_folder import KeyFolder
from faxplan.mail_outcomes import Outcome
from tests.db.test_inbound import arrived, deliver
from tests.db.test_mail_in import mail_in, take
from tests.db.test_mailer import keys as keys  # noqa: PLC0414 - a fixture
from tests.mail_relay import MailRelay
from tests.mailing import mailer, mails
from tests.retained import count, execute
from tests.unit.test_mail_bounces import POSTFIX, report
from tests.world import World

DOMAIN = "fax.example"
WHY = "550 5.1.1 <ann@partner.example>: Recipient address rejected: User unknown"


@pytest.fixture
def sent(world: World, keys: KeyFolder) -> Row:
    """A mail that a server has taken."""
    with MailRelay() as relay:
        world.settings = replace(
            world.settings, smtp_host="127.0.0.1", smtp_port=relay.port, smtp_from=f"fax@{DOMAIN}", mail_domain=DOMAIN
        )
        deliver(world, arrived(world))
        mailer(world, keys).work()
    (row,) = mails(world, world.acme.user)
    assert row["state"] == "accepted"
    return row


def came(world: World, token: str, content: bytes, *, slug: str = "acme") -> Outcome:
    to = mail_bounces.address(token, f"{slug}.{DOMAIN}")
    before = mail_in(world).look_at(to)
    (found,) = take(world, content, to, sender="<>")
    assert before is None or (before.state, before.code) == (found.state, found.code)
    return found


def state(world: World) -> tuple[str, str]:
    (row,) = mails(world, world.acme.user)
    return row["state"], row["said"]


def test_a_bounce_is_noted_once(world: World, sent: Row) -> None:
    faxes = count(world, "faxes")
    for content in (report(POSTFIX), report(POSTFIX.replace("User unknown", "Something else"))):
        assert came(world, sent["token"], content).state == "accepted"
        assert state(world) == ("bounced", WHY)
    with world.portal.tenant(sent["tenant_id"]) as tx:
        (shown,) = outbox.of_fax(tx, sent["tenant_id"], tx.value("select max(id) from faxes"))
    assert (shown["state"], shown["said"]) == ("bounced", WHY)
    assert count(world, "faxes") == faxes


@pytest.mark.parametrize(
    "content",
    [
        report(POSTFIX.replace("failed", "delayed")),
        b"From: ann@partner.example\r\nAuto-Submitted: auto-replied\r\n\r\nI am away.\r\n",
        b"",
        b"Content-Type: multipart/report; boundary=\r\n\r\n",
        b"\xff\x00" * 1000,
    ],
    ids=["a delay", "out of office", "empty", "damaged", "noise"],
)
def test_what_is_no_bounce_is_thrown_away_without_an_answer(world: World, sent: Row, content: bytes) -> None:
    before, faxes = state(world), count(world, "faxes")
    assert came(world, sent["token"], content).state == "accepted"
    assert (state(world), count(world, "faxes"), len(mails(world, world.acme.user))) == (before, faxes, 1)


def test_nobody_else_can_say_so(world: World, sent: Row) -> None:
    for token, slug in ((sent["token"], "borea"), (sent["token"], "nobody"), ("0" * 32, "acme")):
        found = came(world, token, report(POSTFIX), slug=slug)
        assert (found.state, found.code) == ("refused", "5.1.3")
    assert state(world)[0] == "accepted"
    with pytest.raises(InsufficientPrivilege), world.portal.tenant(sent["tenant_id"]) as tx:
        tx.execute("update outbox set state = 'bounced'")
    with world.portal.tenant(world.borea.tenant.id) as tx:
        assert not outbox.bounced(tx, sent["token"], "")


def test_one_that_is_still_waiting_here_is_told_later(world: World, sent: Row) -> None:
    execute(world, "update outbox set state = 'waiting', ended_at = null")
    assert came(world, sent["token"], report(POSTFIX)).state == "later"
    assert came(world, sent["token"], report(POSTFIX.replace("failed", "delayed"))).state == "accepted"
    assert state(world)[0] == "waiting"


def test_while_the_database_is_away_it_stays_at_the_mail_server(
    world: World, sent: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_args: object) -> bool:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(outbox, "bounced", away)
    assert came(world, sent["token"], report(POSTFIX)).state == "later"


def test_a_mail_for_a_fax_and_an_address_of_bounces_is_two(world: World, sent: Row) -> None:
    bounce = mail_bounces.address(sent["token"], f"acme.{DOMAIN}")
    fax = f"+493023125009@acme.{DOMAIN}"
    found = take(world, report(POSTFIX), fax, bounce, sender="<>")
    assert [each.state for each in found] == ["refused", "accepted"]
    assert state(world)[0] == "bounced"
