"""Who may run out of pages hears of it by mail: once before it happens and once when it has, in each period."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from faxplan import brands, provisioning, quota_warnings, quotas, users
from faxplan.quota_warnings import Warned
from tests.faxes import in_threads
from tests.mail_relay import MailRelay
from tests.retained import execute
from tests.vendor_words import vendor_words
from tests.world import World

ADMINISTRATOR = "boss@acme.example"


@pytest.fixture
def relay(world: World) -> Iterator[MailRelay]:
    """Of an installation whose tenant acme has an administrator and a brand."""
    with MailRelay() as relay:
        world.settings = replace(
            world.settings, smtp_host="127.0.0.1", smtp_port=relay.port, smtp_from="fax@carrier.example",
            portal_domain="fax.example",
        )  # fmt: skip
        with world.admin.tenant(world.acme.tenant.id) as tx:
            users.create(tx, world.acme.tenant.id, email=ADMINISTRATOR, name="Boss", role="administrator")
            gone = users.create(tx, world.acme.tenant.id, email="gone@acme.example", name="", role="administrator")
            users.change(tx, world.acme.tenant.id, gone.id, {"enabled": False})
            brands.change(tx, world.acme.tenant.id, {"name": "Nordwind: Fax", "support": "Ask Nora"})
        yield relay


def limit(world: World, pages: int | None, *, of_user: bool = False, warn_percent: int | None = 80) -> None:
    email = world.acme.user.email if of_user else None
    slug = world.acme.tenant.slug
    provisioning.set_quota(
        world.admin, "cli:test", slug, period="month", pages=pages, email=email, warn_percent=warn_percent
    )


def use(world: World, *, used: int = 0, held: int = 0) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        quotas.reserve(tx, world.acme.tenant.id, world.acme.user.id, used + held)
    with world.switch.tenant(world.acme.tenant.id) as tx:
        quotas.settle(tx, world.acme.tenant.id, world.acme.user.id, reserved=used, used=used)


def warned(world: World) -> Warned:
    return quota_warnings.run(world.admin, world.settings, lambda _text: None)


def heard(relay: MailRelay) -> list[tuple[list[str], str]]:
    """To whom, and about what; those since the last time."""
    found = [(mail.recipients, str(mail.message["Subject"])) for mail in relay.mails]
    relay.mails.clear()
    return found


def test_of_an_organisations_quota_its_administrators_hear_at_its_mark_and_at_its_end(
    world: World, relay: MailRelay
) -> None:
    limit(world, 100)
    use(world, used=79)
    assert warned(world) == Warned(0, 0)
    use(world, held=1)
    assert warned(world) == Warned(1, 0)
    (mail,) = relay.mails
    assert mail.recipients == [ADMINISTRATOR]
    assert mail.message["Subject"] == "Nordwind: Fax: 80 % of this month's pages are gone"
    assert mail.message["From"] == '"Nordwind: Fax" <fax@carrier.example>'
    text = mail.message.get_content()
    assert "Your organisation may send 100 pages a month. Used: 79. Held for faxes under way: 1." in text
    assert "https://acme.fax.example/organisation/quotas" in text
    assert "Ask Nora" in text
    assert not vendor_words(mail.message.as_bytes())
    # Once.
    use(world, used=19)
    assert warned(world) == Warned(0, 0)
    heard(relay)
    use(world, used=1)
    assert warned(world) == Warned(1, 0)
    assert heard(relay) == [([ADMINISTRATOR], "Nordwind: Fax: no pages are left for this month")]
    assert warned(world) == Warned(0, 0)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select actor, object, details from audit where action = 'quota.warn' order by sequence")
    assert [row["details"]["percent"] for row in rows] == [80, 100]
    assert {(row["actor"], row["object"]) for row in rows} == {("cron", f"tenant:{world.acme.tenant.id}")}


def test_of_a_users_own_quota_the_user_hears_from_the_brands_sender(world: World, relay: MailRelay) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        brands.change(tx, world.acme.tenant.id, {"mail_sender": "fax@nordwind.example"})
    limit(world, 10, of_user=True, warn_percent=50)
    limit(world, 1000)
    use(world, used=5)
    assert warned(world) == Warned(1, 0)
    (mail,) = relay.mails
    assert (mail.sender, mail.recipients) == ("fax@nordwind.example", [world.acme.user.email])
    assert "Your administrator can give you more." in mail.message.get_content()


def test_another_period_and_another_limit_are_told_of_anew(world: World, relay: MailRelay) -> None:
    limit(world, 10)
    use(world, used=10)
    assert warned(world) == Warned(1, 0)
    # The one before.
    execute(world, "update quotas set warned_on = warned_on - 30, warned_percent = 100")
    assert warned(world) == Warned(1, 0)
    limit(world, 12)
    assert warned(world) == Warned(1, 0)
    assert [subject.partition(": ")[2].partition(": ")[2] for _to, subject in heard(relay)] == [
        "no pages are left for this month",
        "no pages are left for this month",
        "80 % of this month's pages are gone",
    ]
    # What was used in a period that is over is none.
    execute(world, "update quotas set warned_percent = 0, period_start = period_start - 60")
    assert warned(world) == Warned(0, 0)


@pytest.mark.parametrize(("pages", "percent"), [(10, None), (0, 80)])
def test_nobody_hears_where_none_is_wanted_or_none_was_ever_given(
    world: World, relay: MailRelay, pages: int, percent: int | None
) -> None:
    limit(world, pages, warn_percent=percent)
    if pages:
        use(world, used=10)
    assert warned(world) == Warned(0, 0)
    assert relay.mails == []


def test_what_the_relay_does_not_take_is_tried_again_and_does_not_stop_the_others(
    world: World, relay: MailRelay
) -> None:
    limit(world, 10)
    limit(world, 10, of_user=True)
    use(world, used=8)
    relay.refused = {ADMINISTRATOR}
    said: list[str] = []
    assert quota_warnings.run(world.admin, world.settings, said.append) == Warned(1, 1)
    assert ADMINISTRATOR in said[0]
    assert [to for to, _subject in heard(relay)] == [[world.acme.user.email]]
    relay.refused = set()
    assert warned(world) == Warned(1, 0)
    assert [to for to, _subject in heard(relay)] == [[ADMINISTRATOR]]


def test_one_who_gets_no_mail_does_not_make_the_others_hear_again(world: World, relay: MailRelay) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.create(tx, world.acme.tenant.id, email="chief@acme.example", name="Chief", role="administrator")
    limit(world, 10)
    use(world, used=8)
    relay.refused = {"chief@acme.example"}
    logged: list[str] = []
    assert quota_warnings.run(world.admin, world.settings, logged.append) == Warned(1, 0)
    assert [to for to, _subject in heard(relay)] == [[ADMINISTRATOR]]
    (line,) = logged
    assert "chief@acme.example" in line
    assert (warned(world), heard(relay)) == (Warned(0, 0), [])
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert tx.value("select details ->> 'mails' from audit where action = 'quota.warn'") == "1"


def test_two_runs_at_once_tell_everything_once(world: World, relay: MailRelay) -> None:
    limit(world, 10)
    limit(world, 10, of_user=True)
    use(world, used=10)
    runs = in_threads(*[lambda: warned(world)] * 4)
    assert sum(each.mails for each in runs if isinstance(each, Warned)) == 2
    assert len(relay.mails) == 2


def test_each_is_told_in_their_language(world: World, relay: MailRelay) -> None:
    provisioning.change_tenant(world.admin, "cli:test", world.acme.tenant.slug, {"language": "de"})
    with world.admin.tenant(world.acme.tenant.id) as tx:
        users.create(tx, world.acme.tenant.id, email="english@acme.example", name="", role="administrator")
    execute(world, "update users set language = 'en' where email = 'english@acme.example'")
    limit(world, 10)
    use(world, used=9)
    assert warned(world) == Warned(2, 0)
    assert heard(relay) == [
        ([ADMINISTRATOR], "Nordwind: Fax: 80 % der Seiten dieses Monats sind verbraucht"),
        (["english@acme.example"], "Nordwind: Fax: 80 % of this month's pages are gone"),
    ]
