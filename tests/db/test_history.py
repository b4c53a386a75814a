from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from faxplan import accepting, claims, history, mailboxes, outbound, queue, trunk_health, users
from faxplan.accepting import Accepted, IncomingCall
from faxplan.errors import NotFound
from faxplan.history import INBOX, SENT
from faxplan.lookups import Caller
from faxplan.outbound import SendRequest
from faxplan.users import User
from tests.faxes import NODE, NUMBER, claim, invite, queued
from tests.routing import add_route, add_trunk, carrier, change
from tests.world import Office, World


@pytest.fixture
def fax_id(world: World, tmp_path: Path) -> int:
    letter = tmp_path / "letter.txt"
    letter.write_text("One.\n\fTwo.\n")
    request = SendRequest(world.borea.did, letter, "letter.txt")
    return outbound.submit(world.portal, world.store, world.acme.user, request).fax_id


def colleague(world: World, office: Office) -> User:
    with world.admin.tenant(office.tenant.id) as tx:
        return users.create(tx, office.tenant.id, email="second@acme.example", name="Second")


def received(world: World, office: Office, calling: str | None = "+12075550143") -> int:
    with world.switch.tenant(office.tenant.id) as tx:
        fax_id = int(
            tx.value(
                """insert into faxes (tenant_id, direction, state, mailbox_id, called_number, calling_number, pages,
                                      pages_done, explanation, finished_at)
                   values (%s, 'inbound', 'received', %s, %s, %s, 2, 2, '2 pages received.', now()) returning id""",
                (office.tenant.id, office.user.mailbox_id, office.did, calling),
            )
        )
        assert office.user.mailbox_id is not None
        mailboxes.deliver(tx, office.tenant.id, office.user.mailbox_id, fax_id)
    return fax_id


def test_a_sent_fax_is_seen_by_its_user_without_the_name_of_its_document(world: World, fax_id: int) -> None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (fax,) = history.faxes(tx, world.acme.user)
    assert (fax.id, fax.state, fax.file_name, fax.called_number) == (fax_id, "accepted", "", world.borea.did)
    assert not fax.final


def test_the_pages_that_are_sent_can_be_found_once_rendered(world: World, fax_id: int) -> None:
    world.render_all()
    with world.portal.tenant(world.acme.tenant.id) as tx:
        fax = history.fax(tx, world.acme.user, fax_id)
    assert fax.pages == 2
    assert fax.tiff_id is not None


def test_neither_a_colleague_nor_another_tenant_sees_it(world: World, fax_id: int) -> None:
    for user in (colleague(world, world.acme), world.borea.user):
        with world.portal.tenant(user.tenant_id) as tx:
            assert history.faxes(tx, user) == []
            with pytest.raises(NotFound):
                history.fax(tx, user, fax_id)
            with pytest.raises(NotFound):
                history.attempts(tx, user, fax_id)


def test_a_received_fax_is_seen_by_who_reads_its_mailbox(world: World, fax_id: int) -> None:
    came = received(world, world.acme)
    second = colleague(world, world.acme)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert [fax.id for fax in history.faxes(tx, world.acme.user)] == [came, fax_id]
        assert [fax.id for fax in history.faxes(tx, world.acme.user, direction=INBOX)] == [came]
        assert [fax.id for fax in history.faxes(tx, world.acme.user, direction=SENT)] == [fax_id]
        assert [fax.id for fax in history.faxes(tx, world.acme.user, limit=1)] == [came]
        assert history.faxes(tx, second) == []


def test_the_first_fax_from_a_number_since_a_time(world: World) -> None:
    first = received(world, world.borea)
    received(world, world.borea)
    received(world, world.borea, calling=None)
    now = datetime.now(UTC)
    with world.portal.tenant(world.borea.tenant.id) as tx:

        def since(at: datetime, calling: str | None = "+12075550143") -> int | None:
            return history.received_since(tx, world.borea.user, called=world.borea.did, calling=calling, since=at)

        assert since(now - timedelta(hours=1)) == first
        assert since(now + timedelta(hours=1)) is None
        assert since(now - timedelta(hours=1), "+12075550199") is None


def test_calls_and_queue_are_seen_over_all_tenants_without_contents(world: World, fax_id: int) -> None:
    world.render_all()
    with world.admin.across_tenants() as tx:
        (waiting,) = history.queue_now(tx)
        assert (waiting["tenant"], waiting["faxes"], waiting["due"]) == ("acme", 1, 1)
        assert history.calls_now(tx) == []
    with world.switch.across_tenants() as tx:
        (claimed,) = claims.claim_faxes(tx, node="node1", switch_uuid="u", most=1, max_calls=9, lease_seconds=60).faxes
        queue.record_pages(tx, claimed.channel_uuid, 1)
    with world.admin.across_tenants() as tx:
        (call,) = history.calls_now(tx)
        assert history.queue_now(tx) == []
    assert (call["tenant"], call["fax_id"], call["pages"]) == ("acme", fax_id, 1)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        assert history.fax(tx, world.acme.user, fax_id).call_pages == 1
        (attempt,) = history.attempts(tx, world.acme.user, fax_id)
    assert (attempt.number, attempt.outcome, attempt.seconds) == (1, None, None)


@pytest.mark.parametrize(("privacy", "shown"), [(None, True), ("id", False)])
def test_who_an_anonymous_caller_is_stays_in_the_row(world: World, privacy: str | None, shown: bool) -> None:
    said = invite(world.acme.did, "+4930111111", privacy=privacy, asserted="<sip:+4930111111@a>")
    call = IncomingCall("uuid-1", "127.0.0.1", said)
    accepted = accepting.accept(world.switch, world.spool, call, NODE, Caller())
    assert isinstance(accepted, Accepted)
    (row,) = world.attempts(world.acme, accepted.sidecar.fax_id)
    assert (row["invite_from"], row["invite_asserted"]) == (said.sender, said.asserted)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        (attempt,) = history.attempts(tx, world.acme.user, accepted.sidecar.fax_id)
    assert attempt.invite_uri == said.request_uri
    assert (attempt.invite_from, attempt.invite_asserted) == ((said.sender, said.asserted) if shown else (None, None))


class TestHeldBy:
    """What keeps a fax that is due from being dialled: what claims.py goes by, as its user is told."""

    def held_by(self, world: World, due: int) -> str | None:
        with world.portal.tenant(world.acme.tenant.id) as tx:
            found = history.fax(tx, world.acme.user, due).held_by
            assert {each.id: each.held_by for each in history.faxes(tx, world.acme.user)}[due] == found
        # The words are true: it is claimed if, and only if, nothing is said to hold it.
        claimed = [fax.fax_id for fax in claim(world) if fax.trunk is not None]
        assert (claimed == [due]) == (found is None)
        return found

    def test_nothing(self, world: World) -> None:
        assert self.held_by(world, queued(world, world.acme)) is None

    def test_a_time_that_has_not_come_speaks_for_itself(self, world: World) -> None:
        due = queued(world, world.acme, due_in=60)
        change(world, "trunks", enabled=False)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            assert history.fax(tx, world.acme.user, due).held_by is None

    def test_the_tenant(self, world: World) -> None:
        due = queued(world, world.acme)
        change(world, "tenants", enabled=False)
        assert self.held_by(world, due) == "tenant"

    @pytest.mark.parametrize(("priority", "found"), [(None, "hours"), (100, "hours"), (1000, None)])
    def test_the_hours(self, world: World, priority: int | None, found: str | None) -> None:
        due = queued(world, world.acme)
        with world.admin.tenant(world.acme.tenant.id) as tx:
            tx.execute(
                """insert into sending_hours (tenant_id, priority, weekday, opens, closes)
                   select %s, %s, extract(isodow from now() + interval '3 days')::int, '00:00', '24:00'""",
                (world.acme.tenant.id, priority),
            )
        assert self.held_by(world, due) == found

    @pytest.mark.parametrize(("open_to", "found"), [(None, "hours"), (100, None)])
    def test_the_hours_of_its_priority_in_place_of_those_for_all(
        self, world: World, open_to: int | None, found: str | None
    ) -> None:
        due = queued(world, world.acme)
        with world.admin.tenant(world.acme.tenant.id) as tx:
            for priority in (None, 100):
                tx.execute(
                    """insert into sending_hours (tenant_id, priority, weekday, opens, closes)
                       select %s, %s, d, '00:00', '24:00' from generate_series(1, 7) d
                       where %s or d = extract(isodow from now() + interval '3 days')""",
                    (world.acme.tenant.id, priority, priority == open_to),
                )
        assert self.held_by(world, due) == found

    def test_a_bar(self, world: World) -> None:
        due = queued(world, world.acme)
        add_route(world, NUMBER[:6], None)
        assert self.held_by(world, due) == "barred"

    def test_trunks_that_are_off(self, world: World) -> None:
        due = queued(world, world.acme)
        change(world, "trunks", enabled=False)
        assert self.held_by(world, due) == "trunks-off"

    def test_no_route(self, world: World) -> None:
        due = queued(world, world.acme)
        with world.admin.across_tenants() as tx:
            tx.execute("delete from routes")
        assert self.held_by(world, due) == "no-route"

    @pytest.mark.parametrize(("cap", "pages", "found"), [
        ("calls_per_hour", 1, "hour-full"), ("pages_per_hour", 1, "hour-full"), ("pages_per_hour", 9, None),
    ])  # fmt: skip
    def test_an_hour_that_is_full(self, world: World, cap: str, pages: int, found: str | None) -> None:
        """A fax that fits no hour is claimed, which ends it."""
        due = queued(world, world.acme, pages=pages)
        change(world, "tenants", **{cap: 3})
        with world.switch.across_tenants() as tx:
            tx.execute(
                """insert into tenant_turns (tenant_id, served_at, hour, calls, pages)
                   values (%s, now(), date_trunc('hour', now()), 3, 3)""",
                (world.acme.tenant.id,),
            )
        assert self.held_by(world, due) == found

    def test_an_hour_that_has_no_room_for_what_is_left_of_it(self, world: World) -> None:
        due = queued(world, world.acme, pages=20)
        change(world, "tenants", pages_per_hour=10)
        with world.switch.tenant(world.acme.tenant.id) as tx:
            tx.execute("update faxes set pages_done = 12 where id = %s", (due,))
            tx.execute("update fax_queue set pages = 8 where fax_id = %s", (due,))
            tx.execute(
                """insert into tenant_turns (tenant_id, served_at, hour, calls, pages)
                   values (%s, now(), date_trunc('hour', now()), 3, 5)""",
                (world.acme.tenant.id,),
            )
        assert self.held_by(world, due) == "hour-full"

    @pytest.mark.parametrize(("nodes", "found"), [((), "trunks-rest"), (("node1",), "trunks-rest"), (("node2",), None)])
    def test_trunks_that_rest_on_every_node(self, world: World, nodes: tuple[str, ...], found: str | None) -> None:
        due = queued(world, world.acme)
        with world.switch.across_tenants() as tx:
            for name in nodes:
                tx.execute("insert into nodes (name, max_channels) values (%s, 10)", (name,))
            trunk_health.down_on_node(tx, carrier(world), "down", "node1")
        with world.portal.tenant(world.acme.tenant.id) as tx:
            assert history.fax(tx, world.acme.user, due).held_by == found
        assert claim(world, node="node1") == []
        assert len(claim(world, node="node2")) == 1

    def test_trunks_that_rest(self, world: World) -> None:
        due = queued(world, world.acme)
        with world.switch.across_tenants() as tx:
            for number in range(trunk_health.FAILURES_BEFORE_REST):
                trunk_health.failed(tx, carrier(world), "503", f"+49301000{number}")
        assert self.held_by(world, due) == "trunks-rest"

    def test_one_trunk_of_two_that_rests(self, world: World) -> None:
        add_route(world, "+", add_trunk(world, "second"), position=200)
        due = queued(world, world.acme)
        with world.switch.across_tenants() as tx:
            for number in range(trunk_health.FAILURES_BEFORE_REST):
                trunk_health.failed(tx, carrier(world), "503", f"+49301000{number}")
        assert self.held_by(world, due) is None
