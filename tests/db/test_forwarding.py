"""A received fax goes to another mailbox of its tenant, as a copy or itself, by who can open it, and to nobody else."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from psycopg2.errors import InsufficientPrivilege

from faxplan import (
    cdr,
    cdr_check,
    deletion,
    documents,
    epochs,
    fax_contents,
    forwarding,
    history,
    holds,
    inbound,
    keyring,
    mail_readers,
    mailboxes,
    membership,
    quotas,
    retention,
    user_keys,
    users,
    vault,
)
from faxplan.call_result import CallResult
from faxplan.cdr import Period
from faxplan.constraints import ConstraintViolated
from faxplan.db import Database
from faxplan.documents import Locked
from faxplan.errors import FaxplanError, NoPages, NotFound, PagesPurged
from faxplan.forwarding import (
    Handed,
    LiesThere,
    NobodyReads,
    NotReceived,
    NotSealed,
    StillArriving,
    WrongWraps,
    forward,
    move,
)
from faxplan.holds import Held
from faxplan.keyring import Keyring
from faxplan.sealed import SealBroken
from faxplan.users import User
from faxplan.vault import EpochMoved
from faxplan.wraps import PrivateKey
from tests.db.test_transient_readers import folder
from tests.faxes import NUMBER, accepted, fax_tiff, in_threads, pending_folder
from tests.mailing import choose_mail, to_be_mailed
from tests.past_the_gate import connected
from tests.retained import age, bound, count, execute, kept, purge, received, sent
from tests.world import World, ready_made

ALL = ["page-images", "received-pdf", "received-tiff", "thumbnail"]
Act = Callable[[Database, User, Handed], int]


@dataclass(frozen=True)
class Person:
    """Somebody of acme, whose key is unlocked."""

    world: World
    user: User
    private: PrivateKey

    @property
    def mailbox_id(self) -> int:
        assert self.user.mailbox_id is not None
        return self.user.mailbox_id

    @property
    def ring(self) -> Keyring:
        with self.world.portal.tenant(self.user.tenant_id) as tx:
            found = vault.epochs_of_user(tx, self.user.tenant_id, self.user.id)
            (key_id,) = (each.id for each in user_keys.of_user(tx, self.user.tenant_id, self.user.id))
        return Keyring({key_id: self.private}, found)

    def wrapped(self, fax_id: int, mailbox: str) -> Handed:
        """What their client hands over."""
        offered = forwarding.offer(self.world.portal, self.user, fax_id, mailbox)
        return forwarding.wrap(offered, self.ring)

    def hands(self, act: Act, fax_id: int, to: "Person | str") -> int:
        name = to if isinstance(to, str) else to.user.email
        return act(self.world.portal, self.user, self.wrapped(fax_id, name))

    def opens(self, fax_id: int) -> list[str]:
        """The kinds of the documents of a fax whose content their keys open, whatever is shown to them."""
        ring, found = self.ring, []
        with self.world.portal.tenant(self.user.tenant_id) as tx:
            fax = tx.one("select tiff_id, pdf_id, images_id, thumbnail_id from faxes where id = %s", (fax_id,))
            for document_id in fax.values():
                try:
                    stored, key = documents.opened(tx, self.user.tenant_id, document_id, ring)
                except Locked:
                    continue
                with self.world.store.open(stored, key) as content:
                    assert len(content.read()) == stored.size
                found.append(stored.kind)
        return sorted(found)

    def sees(self) -> list[int]:
        """The received faxes that are shown to them."""
        with self.world.portal.tenant(self.user.tenant_id) as tx:
            faxes = [each.id for each in history.faxes(tx, self.user, direction=history.INBOX)]
            assert sorted(faxes) == sorted(each.fax_id for each in mailboxes.entries(tx, 1, self.user.id))
        return sorted(faxes)


def person(world: World, name: str, number: int) -> Person:
    """A user of acme with a mailbox and a key."""
    tenant_id = world.acme.tenant.id
    with world.admin.tenant(tenant_id) as tx:
        user = users.create(tx, tenant_id, email=f"{name}@acme.example", name=name.title())
    enrolment, private, _ = ready_made(number)
    with world.portal.tenant(tenant_id) as tx:
        user_keys.add(tx, tenant_id, user.id, enrolment)
        begun, _ = keyring.new_epoch(vault.readers(tx, tenant_id, user.mailbox_id or 0))
        vault.begin_epoch(tx, tenant_id, user.mailbox_id or 0, 1, begun)
    return Person(world, user, private)


@pytest.fixture
def ann(world: World) -> Person:
    """Into whose mailbox faxes come."""
    return Person(world, world.acme.user, world.keyrings[world.acme.tenant.id])


@pytest.fixture
def ben(world: World) -> Person:
    return person(world, "ben", 101)


@pytest.fixture
def eve(world: World) -> Person:
    return person(world, "eve", 102)


@pytest.fixture
def fax(world: World) -> int:
    return received(world, world.acme, "a", days_ago=2)


def row(world: World, fax_id: int) -> Any:
    return world.fax(world.acme, fax_id)


def audited(world: World, action: str) -> list[tuple[Any, ...]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select * from audit where action = %s order by sequence", (action,))
    return [(each["actor"], each["object"], each["result"], each["details"]) for each in rows]


def notices(world: World, mailbox_id: int) -> list[tuple[int, str, str]]:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        rows = tx.rows("select fax_id, kind, text from notices where mailbox_id = %s order by id", (mailbox_id,))
    return [(each["fax_id"], each["kind"], each["text"]) for each in rows]


def hold(world: World, *, mailbox_id: int | None = None, fax_id: int | None = None) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        holds.place(tx, world.acme.tenant.id, mailbox_id=mailbox_id, fax_id=fax_id, reason="x", set_by="test")


def twice(world: World, fax_id: int) -> int:
    """Another row of the same fax in the same mailbox, which forwarding makes none of."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        columns = (
            "tenant_id, direction, state, mailbox_id, called_number, calling_number, pages, pages_done, created_at, "
            "finished_at, tiff_id, pdf_id, images_id, thumbnail_id, copy_of, forwarded_by"
        )
        again = int(
            tx.value(f"insert into faxes ({columns}) select {columns} from faxes where id = %s returning id", (fax_id,))
        )
        mailboxes.deliver(
            tx, world.acme.tenant.id, tx.value("select mailbox_id from faxes where id = %s", (again,)), again
        )
    return again


def leave(world: World, mailbox_id: int, user: User) -> None:
    with world.admin.tenant(world.acme.tenant.id) as tx:
        ahead = membership.departure(tx, world.acme.tenant.id, mailbox_id, user)
    begun = None if ahead is None else epochs.make(ahead)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert membership.leave(tx, world.acme.tenant.id, mailbox_id, user, begun)


def join(world: World, mailbox_id: int, who: Person, by: Person) -> None:
    """With its key."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        membership.join(tx, world.acme.tenant.id, mailbox_id, who.user)
    ring = by.ring
    with world.portal.tenant(world.acme.tenant.id) as tx:
        for due in vault.grants_due(tx, world.acme.tenant.id, [mailbox_id]):
            wrap = ring.wrapped(mailbox_id, due.epoch, due.public)
            assert wrap is not None
            vault.grant(tx, world.acme.tenant.id, mailbox_id, due.epoch, due.user_key_id, wrap)


def begin_epoch(world: World, mailbox_id: int) -> int:
    """A new key for those who read it; the epoch."""
    with world.portal.tenant(world.acme.tenant.id) as tx:
        epochs.take_turn(tx, world.acme.tenant.id)
        ahead = epochs.ahead(tx, world.acme.tenant.id, mailbox_id)
        assert ahead is not None
        epochs.begin(tx, world.acme.tenant.id, epochs.make(ahead))
    return ahead.number


def wraps_of(world: World, mailbox_id: int) -> int:
    return count(world, "mailbox_wraps", f"mailbox_id = {mailbox_id}")


@pytest.mark.parametrize("what", ["fax", "mailbox"])
def test_a_hold_on_a_moved_fax_keeps_what_opens_it(
    world: World, ann: Person, ben: Person, eve: Person, fax: int, what: str
) -> None:
    """SECURITY: whoever moved it handed over what opens nothing, and what opens it hangs on the copy that it left; also
    where that was brought back and moved in its turn."""
    bound(world, world.acme, min_days=5)
    good = ann.wrapped(fax, ben.user.email)
    move(world.portal, ann.user, replace(good, wraps=dict.fromkeys(good.wraps, b"x" * 80)))
    with world.portal.tenant(world.acme.tenant.id) as tx:
        left = forwarding.left_behind(tx, ann.user, fax)
    assert left is not None
    if what == "fax":
        deletion.undelete(world.portal, ann.user, left)
        good = ann.wrapped(left, eve.user.email)
        move(world.portal, ann.user, replace(good, wraps=dict.fromkeys(good.wraps, b"x" * 80)))
        hold(world, fax_id=fax)
    else:
        hold(world, mailbox_id=ben.mailbox_id)
    bound(world, world.acme, min_days=0)
    done = purge(world)
    assert (done.faxes, done.failures) == (0, [])
    assert wraps_of(world, ann.mailbox_id) == 4
    # Nor by the database, whatever is asked of it.
    with pytest.raises(ConstraintViolated, match="faxes_held"), world.portal.tenant(world.acme.tenant.id) as tx:
        tx.execute("update faxes set tiff_id = null where left_by is not null")
    execute(world, "delete from holds")
    purge(world)
    assert wraps_of(world, ann.mailbox_id) == 0


def test_nor_does_it_go_once_the_record_of_what_was_moved_might(
    world: World, ann: Person, ben: Person, eve: Person, fax: int
) -> None:
    """What is held is a copy that opens nothing, and the moved fax itself was deleted and purged before."""
    bound(world, world.acme, min_days=5, remove_records=True)
    join(world, ben.mailbox_id, ann, ben)
    for act, to in ((move, ben), (forward, eve)):
        good = ann.wrapped(fax, to.user.email)
        copy = act(world.portal, ann.user, replace(good, wraps=dict.fromkeys(good.wraps, b"x" * 80)))
    deletion.delete(world.portal, ann.user, fax)
    age(world, world.acme, [fax], 40)
    assert purge(world).faxes == 1
    hold(world, fax_id=copy)
    execute(world, "update faxes set purged_at = purged_at - interval '32 days' where id = %s", (fax,))
    done = purge(world), purge(world)
    assert [(each.faxes, each.records, each.failures) for each in done] == [(0, 0, []), (0, 0, [])]
    assert wraps_of(world, ann.mailbox_id) == 4
    execute(world, "delete from holds")
    bound(world, world.acme, min_days=0, remove_records=True)
    done = purge(world), purge(world)
    assert [(each.faxes, each.records) for each in done] == [(1, 1), (0, 0)]


class TestForward:
    def test_both_mailboxes_have_it_and_its_documents_are_there_once(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        assert (ann.sees(), ben.sees()) == ([fax], [copy])
        assert (ann.opens(fax), ben.opens(copy)) == (ALL, ALL)
        assert (count(world, "documents"), wraps_of(world, ann.mailbox_id), wraps_of(world, ben.mailbox_id)) == (
            4,
            4,
            4,
        )

    def test_a_copy_is_as_the_fax_that_came_in_but_has_no_call(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        source, copy = row(world, fax), row(world, ann.hands(forward, fax, ben))
        other = {
            "id": copy["id"], "mailbox_id": ben.mailbox_id, "copy_of": fax, "forwarded_by": ann.user.id,
            "attempts_made": 0,
        }  # fmt: skip
        assert copy == source | other
        assert world.attempts(world.acme, copy["id"]) == []

    def test_its_readers_are_told_and_the_audit_knows(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        copy = ann.hands(forward, fax, ben)
        words = f"A User (user@acme.example) has forwarded a fax from {NUMBER} to this mailbox. 1 page received."
        assert notices(world, ben.mailbox_id) == [(copy, "received", words)]
        details = {
            "from_mailbox": f"mailbox:{ann.mailbox_id}",
            "to_mailbox": f"mailbox:{ben.mailbox_id}",
            "copy": f"fax:{copy}",
        }
        assert audited(world, "fax.forward") == [(f"user:{ann.user.id}", f"fax:{fax}", "done", details)]

    def test_who_forwards_reads_the_target_no_more_than_before(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        with pytest.raises(NotFound), world.portal.tenant(world.acme.tenant.id) as tx:
            history.fax(tx, ann.user, copy)

    def test_a_copy_of_a_copy_is_one_of_the_first(
        self, world: World, ann: Person, ben: Person, eve: Person, fax: int
    ) -> None:
        second = ben.hands(forward, ann.hands(forward, fax, ben), eve)
        assert (row(world, second)["copy_of"], row(world, second)["forwarded_by"]) == (fax, ben.user.id)
        assert eve.opens(second) == ALL

    def test_part_of_a_fax_goes_as_what_it_is(self, world: World, ann: Person, ben: Person) -> None:
        side = accepted(world, world.acme, "part")
        fax_tiff(world.spool.inbound_tiff(side.attempt_id), 1)
        result = CallResult("NORMAL_CLEARING", fax_success=False, fax_result_code=48, pages=1)
        pending = pending_folder(world).secure(world.spool, side, result)
        assert inbound.deliver(world.switch, world.store, pending, actor="test") == "partial"
        copy = row(world, ann.hands(forward, side.fax_id, ben))
        assert (copy["state"], "broke off" in copy["explanation"]) == ("partial", True)

    def test_where_only_the_tiff_was_made_it_goes_alone(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        execute(world, "update faxes set pdf_id = null, images_id = null, thumbnail_id = null")
        ann.hands(forward, fax, ben)
        assert wraps_of(world, ben.mailbox_id) == 1

    def test_it_is_told_in_lists_who_did(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        copy = ann.hands(forward, fax, ben)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            shown = history.fax(tx, ben.user, copy)
            (first,) = history.faxes(tx, ann.user)
            assert history.attempts(tx, ben.user, copy) == []
        assert (shown.copy_of, shown.forwarded_by) == (fax, "user@acme.example")
        assert (first.copy_of, first.forwarded_by) == (None, None)

    def test_no_record_counts_its_pages_twice(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        with world.admin.tenant(world.acme.tenant.id) as tx:
            quotas.set_limit(tx, world.acme.tenant.id, period="month", pages=100)

        def figures() -> Any:
            with world.admin.tenant(world.acme.tenant.id) as tx:
                used = quotas.of_tenant(tx, world.acme.tenant.id)
            with connected(world.installation, "postgres") as cursor:
                cursor.execute("select now() + interval '1 hour'")
                (now,) = cursor.fetchone() or ()
            with world.portal.tenant(world.acme.tenant.id) as tx:
                zone = world.acme.tenant.zone
                rows = list(cdr.records(tx, world.acme.tenant.id, Period(), zone, withheld=True))
                return used, rows, cdr_check.check(tx, world.acme.tenant.id, "acme", Period(), began=now)

        before = figures()
        ann.hands(forward, fax, ben)
        assert figures() == before
        assert len(before[1]) == 1
        assert before[2][1] == []


class TestMove:
    def test_only_the_mailbox_that_got_it_opens_it(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        assert ann.hands(move, fax, ben) == fax
        assert (ann.sees(), ben.sees()) == ([], [fax])
        # What opens it there goes as that of a deleted one.
        assert purge(world).objects == 0
        assert (ann.opens(fax), ben.opens(fax)) == ([], ALL)
        assert (wraps_of(world, ann.mailbox_id), wraps_of(world, ben.mailbox_id)) == (0, 4)

    def test_it_lies_there_unread_and_its_readers_are_told(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        execute(world, "update mailbox_entries set read_at = now()")
        ann.hands(move, fax, ben)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            (entry,) = mailboxes.entries(tx, world.acme.tenant.id, ben.user.id)
        assert (entry.fax_id, entry.mailbox, entry.read_at) == (fax, ben.user.email, None)
        words = f"A User (user@acme.example) has moved a fax from {NUMBER} to this mailbox. 1 page received."
        assert notices(world, ben.mailbox_id) == [(fax, "received", words)]
        details = {
            "from_mailbox": f"mailbox:{ann.mailbox_id}",
            "to_mailbox": f"mailbox:{ben.mailbox_id}",
            "left": f"fax:{fax + 1}",
        }
        assert audited(world, "fax.move") == [(f"user:{ann.user.id}", f"fax:{fax}", "done", details)]

    def test_all_but_its_place_is_as_it_was(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        before = row(world, fax)
        ann.hands(move, fax, ben)
        assert row(world, fax) == before | {"mailbox_id": ben.mailbox_id}
        assert len(world.attempts(world.acme, fax)) == 1

    def test_it_can_come_back(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        ann.hands(move, fax, ben)
        ben.hands(move, fax, ann)
        assert ann.opens(fax) == ALL
        assert purge(world).objects == 0
        assert (ann.opens(fax), ben.opens(fax)) == (ALL, [])

    def test_a_copy_is_moved_as_well(self, world: World, ann: Person, ben: Person, eve: Person, fax: int) -> None:
        copy = ann.hands(forward, fax, ben)
        ben.hands(move, copy, eve)
        purge(world)
        assert (ann.opens(fax), ben.opens(copy), eve.opens(copy)) == (ALL, [], ALL)

    def test_what_another_fax_of_the_mailbox_has_its_readers_open_still(
        self, world: World, ann: Person, ben: Person, eve: Person, fax: int
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        again = twice(world, copy)
        ben.hands(move, again, eve)
        assert (ben.opens(copy), eve.opens(again)) == (ALL, ALL)

    def test_older_keys_of_the_mailbox_open_it_no_more_either(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        ann.hands(move, fax, ben)
        begin_epoch(world, ann.mailbox_id)
        ben.hands(move, fax, ann)
        assert count(world, "mailbox_wraps", "epoch = 2") == 4
        ann.hands(move, fax, ben)
        assert purge(world).objects == 0
        assert wraps_of(world, ann.mailbox_id) == 0

    @pytest.mark.parametrize("purged", [False, True])
    def test_by_what_opens_nothing_it_is_lost_no_more_than_by_deleting_it(
        self, world: World, ann: Person, ben: Person, fax: int, purged: bool
    ) -> None:
        """Whoever reads where it lay brings it back, whatever was handed over, until purge may come for it."""
        good = ann.wrapped(fax, ben.user.email)
        move(world.portal, ann.user, replace(good, wraps=dict.fromkeys(good.wraps, b"x" * 80)))
        assert ann.sees() == []
        with world.portal.tenant(world.acme.tenant.id) as tx:
            left = forwarding.left_behind(tx, ann.user, fax)
            assert forwarding.left_behind(tx, ben.user, fax) is None
        assert left is not None
        assert audited(world, "fax.move")[0][3]["left"] == f"fax:{left}"
        bound(world, world.acme, min_days=5)
        assert purge(world).faxes == 0
        if purged:
            bound(world, world.acme, min_days=0)
            assert (purge(world).faxes, purge(world).objects, wraps_of(world, ann.mailbox_id)) == (1, 0, 0)
            with pytest.raises(NotFound):
                deletion.undelete(world.portal, ann.user, left)
            return
        with pytest.raises(NotFound):
            deletion.undelete(world.portal, ben.user, left)
        deletion.undelete(world.portal, ann.user, left)
        assert (ann.sees(), ann.opens(left)) == ([left], ALL)

    def test_a_hold_of_where_it_lay_keeps_what_it_left(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        ann.hands(move, fax, ben)
        hold(world, mailbox_id=ann.mailbox_id)
        assert purge(world).faxes == 0
        assert wraps_of(world, ann.mailbox_id) == 4

    def test_what_it_left_and_went_elsewhere_does_not_stand_for_it_there(
        self, world: World, ann: Person, ben: Person, eve: Person, fax: int
    ) -> None:
        """What was handed over for that may open nothing."""
        ann.hands(move, fax, ben)
        with world.portal.tenant(world.acme.tenant.id) as tx:
            left = forwarding.left_behind(tx, ann.user, fax)
        assert left is not None
        deletion.undelete(world.portal, ann.user, left)
        good = ann.wrapped(left, eve.user.email)
        move(world.portal, ann.user, replace(good, wraps=dict.fromkeys(good.wraps, b"x" * 80)))
        deletion.delete(world.portal, eve.user, left)
        with pytest.raises(LiesThere, match="deleted there"):
            ben.hands(move, fax, eve)

    def test_no_worker_mails_what_has_left_a_mailbox_that_chose_mail(
        self, world: World, ann: Person, ben: Person
    ) -> None:
        mail_readers.renew(world.worker, folder(world.settings.mailer_keys), "node1")
        choose_mail(world, ann.user, mail=True)
        mailed, other = received(world, world.acme, "mail"), received(world, world.acme, "other")
        assert len(to_be_mailed(world.worker)) == 4
        ann.hands(move, mailed, ben)
        left = {document for _, document in to_be_mailed(world.worker)}
        assert left == {row(world, other)["tiff_id"], row(world, other)["pdf_id"]}

    def test_the_fax_that_came_in_is_mailed_though_a_copy_of_it_is_moved(
        self, world: World, ann: Person, ben: Person, eve: Person
    ) -> None:
        mail_readers.renew(world.worker, folder(world.settings.mailer_keys), "node1")
        choose_mail(world, ann.user, mail=True)
        waits = received(world, world.acme, "mail")
        ben.hands(move, ann.hands(forward, waits, ben), eve)
        assert len(to_be_mailed(world.worker)) == 2

    @pytest.mark.parametrize("what", ["fax", "mailbox", "tenant"])
    def test_what_is_held_stays_and_the_audit_knows_who_tried(
        self, world: World, ann: Person, ben: Person, fax: int, what: str
    ) -> None:
        hold(world, fax_id=fax if what == "fax" else None, mailbox_id=ann.mailbox_id if what == "mailbox" else None)
        with pytest.raises(Held, match="faxplan forward"):
            ann.hands(move, fax, ben)
        assert (ann.opens(fax), wraps_of(world, ben.mailbox_id), notices(world, ben.mailbox_id)) == (ALL, 0, [])
        assert [(each[1], each[2]) for each in audited(world, "fax.move")] == [(f"fax:{fax}", "refused")]
        assert ben.opens(ann.hands(forward, fax, ben)) == ALL

    def test_the_database_itself_moves_nothing_out_of_a_hold(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        hold(world, mailbox_id=ann.mailbox_id)
        with pytest.raises(ConstraintViolated, match="faxes_held"), world.portal.tenant(world.acme.tenant.id) as tx:
            tx.execute("update faxes set mailbox_id = %s where id = %s", (ben.mailbox_id, fax))

    def test_the_database_itself_takes_nothing_from_what_is_held(self, world: World, fax: int) -> None:
        """Neither its documents, nor so what opens them."""
        tenant_id = world.acme.tenant.id
        hold(world, fax_id=fax)
        for column in ("tiff_id", "pdf_id", "images_id", "thumbnail_id"):
            with pytest.raises(ConstraintViolated, match="faxes_held"), world.portal.tenant(tenant_id) as tx:
                tx.execute(f"update faxes set {column} = null where id = %s", (fax,))
        execute(world, "delete from holds")

    def test_the_portal_takes_nothing_away_that_opens_a_fax(self, world: World, ann: Person, fax: int) -> None:
        with pytest.raises(InsufficientPrivilege), world.portal.tenant(world.acme.tenant.id) as tx:
            tx.execute("delete from mailbox_wraps")
        assert ann.opens(fax) == ALL

    def test_into_a_mailbox_under_a_hold_it_may_go(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        hold(world, mailbox_id=ben.mailbox_id)
        ann.hands(move, fax, ben)
        with pytest.raises(Held):
            ben.hands(move, fax, ann)

    def test_a_hold_that_is_just_being_set_is_waited_for(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        handed, failed = ann.wrapped(fax, ben.user.email), []

        def late() -> None:
            try:
                move(world.portal, ann.user, handed)
            except Held as error:
                failed.append(error)

        moving = threading.Thread(target=late)
        with world.admin.tenant(world.acme.tenant.id) as tx:
            holds.place(tx, world.acme.tenant.id, mailbox_id=ann.mailbox_id, fax_id=None, reason="x", set_by="test")
            moving.start()
            moving.join(1)
        moving.join(60)
        assert len(failed) == 1
        assert ann.sees() == [fax]


BOTH = pytest.mark.parametrize("act", [forward, move])


@BOTH
class TestRefused:
    def refused(
        self, who: Person, act: Act, fax_id: int, to: "Person | str", error: type[FaxplanError], say: str
    ) -> None:
        world = who.world
        before = {table: count(world, table) for table in ("faxes", "mailbox_wraps", "mailbox_entries", "notices")}
        mailbox = to if isinstance(to, str) else to.user.email
        with pytest.raises(error, match=say):
            who.hands(act, fax_id, mailbox)
        self.also_of_a_client_that_does_not_ask(who, act, fax_id, mailbox, error)
        assert {table: count(world, table) for table in before} == before
        assert [each for each in audited(world, "fax.move") if each[2] == "done"] == []

    def also_of_a_client_that_does_not_ask(
        self, who: Person, act: Act, fax_id: int, mailbox: str, error: type[FaxplanError]
    ) -> None:
        with who.world.portal.tenant(who.user.tenant_id) as tx:
            mailbox_id = tx.value("select id from mailboxes where name = %s", (mailbox,))
            fax = tx.row("select tiff_id, pdf_id, images_id, thumbnail_id from faxes where id = %s", (fax_id,))
            key = vault.key_of_mailbox(tx, who.user.tenant_id, mailbox_id or 0)
        wraps = {} if fax is None else {each: bytes(80) for each in fax.values() if each is not None}
        with pytest.raises(error):
            act(who.world.portal, who.user, Handed(fax_id, mailbox_id or 0, 1 if key is None else key.epoch, wraps))

    def test_a_fax_of_a_mailbox_that_they_do_not_read(self, ben: Person, eve: Person, fax: int, act: Act) -> None:
        self.refused(ben, act, fax, eve, NotFound, f"no fax {fax}")

    def test_another_tenants(self, world: World, ann: Person, ben: Person, act: Act) -> None:
        self.refused(ann, act, received(world, world.borea, "b"), ben, NotFound, "no fax")

    def test_to_another_tenants_mailbox(self, world: World, ann: Person, fax: int, act: Act) -> None:
        with pytest.raises(NotFound, match="no mailbox"):
            ann.hands(act, fax, world.borea.user.email)
        handed = ann.wrapped(fax, person(world, "ben", 101).user.email)
        with pytest.raises(NotFound, match="no such mailbox"):
            act(world.portal, ann.user, replace(handed, mailbox_id=world.borea.user.mailbox_id or 0))

    def test_a_sent_one(self, world: World, ann: Person, ben: Person, act: Act) -> None:
        self.refused(ann, act, sent(world, world.acme), ben, NotReceived, "faxplan resend")

    def test_one_that_is_arriving(self, world: World, ann: Person, ben: Person, act: Act) -> None:
        self.refused(ann, act, accepted(world, world.acme, "now").fax_id, ben, StillArriving, "being received")

    def test_one_without_a_page(self, world: World, ann: Person, ben: Person, act: Act) -> None:
        side = accepted(world, world.acme, "none")
        pending = pending_folder(world).secure(world.spool, side, CallResult("NORMAL_CLEARING", fax_success=False))
        assert inbound.deliver(world.switch, world.store, pending, actor="test") == "failed"
        self.refused(ann, act, side.fax_id, ben, NoPages, "no page")

    def test_a_purged_one(self, world: World, ann: Person, ben: Person, fax: int, act: Act) -> None:
        bound(world, world.acme, max_days=1)
        purge(world)
        self.refused(ann, act, fax, ben, PagesPurged, "destroyed on")

    def test_a_deleted_one(self, world: World, ann: Person, ben: Person, fax: int, act: Act) -> None:
        deletion.delete(world.portal, ann.user, fax)
        self.refused(ann, act, fax, ben, NotFound, "no fax")

    def test_to_where_it_lies(self, ann: Person, fax: int, act: Act) -> None:
        self.refused(ann, act, fax, ann, LiesThere, f"Fax {fax} lies in mailbox")

    def test_to_where_a_copy_lies(self, ann: Person, ben: Person, fax: int, act: Act) -> None:
        copy = ann.hands(forward, fax, ben)
        self.refused(ann, act, fax, ben, LiesThere, f"fax {copy} is the same")
        self.refused(ben, act, copy, ann, LiesThere, f"fax {fax} is the same")

    def test_to_where_a_copy_was_deleted(
        self, world: World, ann: Person, ben: Person, eve: Person, fax: int, act: Act
    ) -> None:
        """What opens that one may open nothing, and would stay: the fax would be lost."""
        own = ann.hands(forward, fax, eve)
        good = eve.wrapped(own, ben.user.email)
        planted = forward(world.portal, eve.user, replace(good, wraps=dict.fromkeys(good.wraps, b"x" * 80)))
        deletion.delete(world.portal, ben.user, planted)
        self.refused(ann, act, fax, ben, LiesThere, f"faxplan delete {planted} --undo")
        purge(world)
        ann.hands(act, fax, ben)
        assert ben.opens(ben.sees()[0]) == ALL

    def test_of_who_has_no_key_of_it(self, world: World, ann: Person, ben: Person, fax: int, act: Act) -> None:
        """A member who has not enrolled, say: what they hand over can open nothing."""
        handed = ann.wrapped(fax, ben.user.email)
        with world.admin.tenant(world.acme.tenant.id) as tx:
            new = users.create(tx, world.acme.tenant.id, email="new@acme.example", name="New")
            mailboxes.add_member(tx, world.acme.tenant.id, ann.mailbox_id, new.id)
        with pytest.raises(Locked, match="no key of this mailbox"):
            act(world.portal, new, handed)
        assert (ann.opens(fax), wraps_of(world, ben.mailbox_id)) == (ALL, 0)

    def test_to_a_mailbox_without_a_key(self, world: World, ann: Person, fax: int, act: Act) -> None:
        with world.admin.tenant(world.acme.tenant.id) as tx:
            mailboxes.create_group(tx, world.acme.tenant.id, "Empty")
        self.refused(ann, act, fax, "Empty", NobodyReads, "mailbox Empty")

    def test_to_a_mailbox_whose_newest_key_nobody_has(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act
    ) -> None:
        execute(world, "update user_keys set replaced_at = now() where user_id = %s", (ben.user.id,))
        self.refused(ann, act, fax, ben, NobodyReads, "faxplan unlock")

    def test_one_from_before_documents_were_sealed(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act
    ) -> None:
        execute(world, "update documents set header_digest = null, sha256 = 'x' where kind = 'received-pdf'")
        self.refused(ann, act, fax, ben, NotSealed, "faxplan vault adopt")

    def test_who_has_no_key_of_it_hands_nothing_on(
        self, world: World, ann: Person, ben: Person, eve: Person, fax: int, act: Act
    ) -> None:
        with world.admin.tenant(world.acme.tenant.id) as tx:
            membership.join(tx, world.acme.tenant.id, ann.mailbox_id, eve.user)
        with pytest.raises(Locked):
            eve.hands(act, fax, ben)

    @pytest.mark.parametrize("wrong", ["one less", "one more", "another fax's", "too short", "too long"])
    def test_what_is_not_the_wraps_of_its_documents(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act, wrong: str
    ) -> None:
        handed = ann.wrapped(fax, ben.user.email)
        first = min(handed.wraps)
        other = row(world, received(world, world.acme, "other"))["tiff_id"]
        given = {
            "one less": {each: wrap for each, wrap in handed.wraps.items() if each != first},
            "one more": handed.wraps | {other: bytes(80)},
            "another fax's": {other if each == first else each: wrap for each, wrap in handed.wraps.items()},
            "too short": handed.wraps | {first: bytes(79)},
            "too long": handed.wraps | {first: bytes(81)},
        }
        with pytest.raises(WrongWraps):
            act(world.portal, ann.user, replace(handed, wraps=given[wrong]))
        assert wraps_of(world, ben.mailbox_id) == 0


@BOTH
class TestMeanwhile:
    def test_a_new_key_of_the_mailbox_asks_for_new_wraps(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act
    ) -> None:
        handed = ann.wrapped(fax, ben.user.email)
        assert begin_epoch(world, ben.mailbox_id) == 2
        with pytest.raises(EpochMoved):
            act(world.portal, ann.user, handed)
        assert (wraps_of(world, ben.mailbox_id), ann.sees()) == (0, [fax])

    def test_the_command_line_makes_them_by_itself(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act
    ) -> None:
        tries = []

        def late(db: Database, user: User, handed: Handed) -> int:
            tries.append(handed.epoch)
            if len(tries) == 1:
                begin_epoch(world, ben.mailbox_id)
            return act(db, user, handed)

        forwarding.hand_on(world.portal, ann.user, ann.ring, fax, ben.user.email, late)
        assert tries == [1, 2]
        assert ben.opens(fax) == ALL

    def test_but_not_for_ever(self, world: World, ann: Person, ben: Person, fax: int, act: Act) -> None:
        def late(db: Database, user: User, handed: Handed) -> int:
            begin_epoch(world, ben.mailbox_id)
            return act(db, user, handed)

        with pytest.raises(EpochMoved):
            forwarding.hand_on(world.portal, ann.user, ann.ring, fax, ben.user.email, late)

    def test_who_was_removed_hands_nothing_on(
        self, world: World, ann: Person, ben: Person, eve: Person, fax: int, act: Act
    ) -> None:
        join(world, ann.mailbox_id, eve, by=ann)
        handed = eve.wrapped(fax, ben.user.email)
        leave(world, ann.mailbox_id, eve.user)
        with pytest.raises(NotFound):
            act(world.portal, eve.user, handed)

    def test_who_changes_the_targets_key_at_that_moment_waits_for_it(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Else it would be sealed to a key that somebody has whom the new one was to keep out."""
        changing = threading.Thread(target=begin_epoch, args=(world, ben.mailbox_id))
        real, waited = forwarding._keep_wraps, []

        def meanwhile(*arguments: Any) -> None:
            changing.start()
            changing.join(1)
            waited.append(changing.is_alive())
            real(*arguments)

        monkeypatch.setattr(forwarding, "_keep_wraps", meanwhile)
        ann.hands(act, fax, ben)
        changing.join(60)
        assert waited == [True]

    def test_two_at_once_into_one_mailbox_lay_it_there_once(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act
    ) -> None:
        handed = ann.wrapped(fax, ben.user.email)

        def once() -> str:
            try:
                act(world.portal, ann.user, handed)
            except (LiesThere, NotFound) as error:
                return error.error_id
            return "done"

        done = in_threads(once, once)
        assert sorted(str(each) for each in done) == ["done", "lies-there" if act is forward else "not-found"]
        assert len(ben.sees()) == 1
        assert wraps_of(world, ben.mailbox_id) == 4

    def test_two_moves_to_two_mailboxes_leave_it_in_one(
        self, world: World, ann: Person, ben: Person, eve: Person, fax: int, act: Act
    ) -> None:
        """And a copy that is made while the fax is moved away is made of what is there, or not at all."""
        one, other = ann.wrapped(fax, ben.user.email), ann.wrapped(fax, eve.user.email)

        def tried(act: Act, handed: Handed) -> Callable[[], object]:
            def run() -> object:
                try:
                    return act(world.portal, ann.user, handed)
                except NotFound:
                    return None

            return run

        done = in_threads(tried(move, one), tried(act, other))
        if act is move:
            assert sorted(each is None for each in done) == [False, True]
        purge(world)
        assert ann.opens(fax) == []
        for who in (ben, eve):
            assert [who.opens(each) for each in who.sees()] == [ALL] * len(who.sees())
        seen = ben.sees() + eve.sees()
        assert len(seen) == sum(each is not None for each in done)

    def test_purge_beside_it_takes_all_or_waits(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is due at that moment: what was handed on goes with the next purge, and nothing names what is gone."""
        bound(world, world.acme, max_days=1)
        handed = ann.wrapped(fax, ben.user.email)
        purging = threading.Thread(target=purge, args=(world,))
        real = forwarding._keep_wraps

        def meanwhile(*arguments: Any) -> None:
            purging.start()
            purging.join(1)
            assert purging.is_alive()
            real(*arguments)

        monkeypatch.setattr(forwarding, "_keep_wraps", meanwhile)
        act(world.portal, ann.user, handed)
        purging.join(60)
        purge(world)
        assert (kept(world, world.acme), count(world, "documents"), count(world, "mailbox_wraps")) == ([], 0, 0)
        assert list(world.store.objects()) == []

    def test_what_purge_takes_at_that_moment_is_not_handed_on(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bound(world, world.acme, max_days=1)
        handed, refused = ann.wrapped(fax, ben.user.email), []
        real = fax_contents.destroy

        def late() -> None:
            try:
                act(world.portal, ann.user, handed)
            except PagesPurged as error:
                refused.append(error)

        handing = threading.Thread(target=late)

        def meanwhile(*arguments: Any, **named: Any) -> Any:
            handing.start()
            handing.join(1)
            return real(*arguments, **named)

        monkeypatch.setattr(fax_contents, "destroy", meanwhile)
        assert purge(world).objects == 4
        handing.join(60)
        assert len(refused) == 1
        assert (count(world, "faxes"), count(world, "mailbox_wraps")) == (1, 0)


@pytest.mark.parametrize("off", ["where it came in", "where its copy lies"])
def test_mail_is_switched_off_for_what_came_in_and_for_no_other_mailbox(
    world: World, ann: Person, ben: Person, off: str
) -> None:
    mail_readers.renew(world.worker, folder(world.settings.mailer_keys), "node1")
    for who in (ann, ben):
        choose_mail(world, who.user, mail=True)
    ann.hands(forward, received(world, world.acme, "mail"), ben)
    assert len(to_be_mailed(world.worker)) == 2
    who = ann if off == "where it came in" else ben
    choose_mail(world, who.user, mail=False)
    assert len(to_be_mailed(world.worker)) == (0 if who is ann else 2)


class TestKept:
    def test_a_copy_is_kept_no_longer_than_what_it_is_of(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        age(world, world.acme, [fax, copy], 27.9)
        bound(world, world.acme, max_days=30)
        assert purge(world).faxes == 0
        age(world, world.acme, [fax, copy], 0.2)
        assert purge(world).faxes == 2

    @BOTH
    def test_a_mailbox_that_keeps_less_keeps_less_of_it(
        self, world: World, ann: Person, ben: Person, fax: int, act: Act
    ) -> None:
        with world.portal.tenant(world.acme.tenant.id) as tx:
            retention.choose(tx, world.acme.tenant.id, 1, ben.mailbox_id, None)
        there = ann.hands(act, fax, ben)
        assert purge(world).faxes == (1 if act is forward else 2)
        assert row(world, there)["purged_at"] is not None

    def test_a_purged_copy_leaves_what_came_in_and_takes_what_opens_it_there(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        age(world, world.acme, [copy], 40)
        bound(world, world.acme, max_days=30)
        done = purge(world)
        assert (done.faxes, done.objects, kept(world, world.acme)) == (1, 0, [fax])
        assert (ann.opens(fax), wraps_of(world, ben.mailbox_id)) == (ALL, 0)
        assert (count(world, "mailbox_entries"), count(world, "notices", f"fax_id = {copy}")) == (1, 0)

    def test_a_purged_fax_leaves_its_copy_and_takes_what_opens_it_here(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        age(world, world.acme, [fax], 40)
        bound(world, world.acme, max_days=30)
        done = purge(world)
        assert (done.faxes, done.objects, kept(world, world.acme)) == (1, 0, [copy])
        assert (ben.opens(copy), wraps_of(world, ann.mailbox_id)) == (ALL, 0)
        age(world, world.acme, [copy], 40)
        assert (purge(world).objects, count(world, "documents"), count(world, "mailbox_wraps")) == (4, 0, 0)

    @pytest.mark.parametrize("deleted", ["fax", "copy"])
    def test_what_was_deleted_goes_for_that_mailbox_alone(
        self, world: World, ann: Person, ben: Person, fax: int, deleted: str
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        gone, goes, stays, left = (ann, fax, ben, copy) if deleted == "fax" else (ben, copy, ann, fax)
        deletion.delete(world.portal, gone.user, goes)
        # Until purge comes it can be brought back.
        assert gone.opens(goes) == ALL
        done = purge(world)
        assert (done.faxes, done.objects, kept(world, world.acme)) == (1, 0, [left])
        assert (stays.opens(left), wraps_of(world, gone.mailbox_id)) == (ALL, 0)

    def test_a_mailbox_keeps_what_opens_another_fax_of_its_own(
        self, world: World, ann: Person, ben: Person, fax: int
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        again = twice(world, copy)
        deletion.delete(world.portal, ben.user, copy)
        assert purge(world).faxes == 1
        assert (ben.sees(), ben.opens(again)) == ([again], ALL)

    def test_a_moved_fax_goes_with_what_opens_it(self, world: World, ann: Person, ben: Person, fax: int) -> None:
        ann.hands(move, fax, ben)
        bound(world, world.acme, max_days=1)
        done = purge(world)
        assert (done.objects, count(world, "documents"), count(world, "mailbox_wraps")) == (4, 0, 0)

    def test_no_worker_mails_a_purged_fax_that_has_a_copy(self, world: World, ann: Person, ben: Person) -> None:
        mail_readers.renew(world.worker, folder(world.settings.mailer_keys), "node1")
        for who in (ann, ben):
            choose_mail(world, who.user, mail=True)
        mailed, other = received(world, world.acme, "mail"), received(world, world.acme, "other")
        ann.hands(forward, mailed, ben)
        kept_copy = ann.hands(forward, other, ben)
        deletion.delete(world.portal, ann.user, mailed)
        deletion.delete(world.portal, ben.user, kept_copy)
        purge(world)
        left = {document for _, document in to_be_mailed(world.worker)}
        assert left == {row(world, other)["tiff_id"], row(world, other)["pdf_id"]}

    @pytest.mark.parametrize("held", ["fax", "copy"])
    def test_what_is_held_keeps_its_documents_whichever_goes(
        self, world: World, ann: Person, ben: Person, fax: int, held: str
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        stays, left = (ann, fax) if held == "fax" else (ben, copy)
        hold(world, fax_id=left)
        bound(world, world.acme, max_days=1)
        done = purge(world)
        # A held copy holds the fax itself: nobody knows that its own wraps open it.
        gone = 1 if held == "fax" else 0
        assert (done.faxes, done.objects, kept(world, world.acme)) == (gone, 0, [fax, copy][: 2 - gone])
        assert stays.opens(left) == ALL
        assert count(world, "mailbox_wraps") == 8 - 4 * gone

    @pytest.mark.parametrize("first", ["fax", "copy"])
    def test_the_record_of_either_goes_without_the_other(
        self, world: World, ann: Person, ben: Person, fax: int, first: str
    ) -> None:
        copy = ann.hands(forward, fax, ben)
        goes, stays = (fax, copy) if first == "fax" else (copy, fax)
        age(world, world.acme, [goes], 100)
        bound(world, world.acme, max_days=30, remove_records=True)
        purge(world)
        execute(world, "update faxes set purged_at = purged_at - interval '40 days' where id = %s", (goes,))
        assert purge(world).records == 1
        left = row(world, stays)
        assert (left["copy_of"], left["purged_at"]) == (None, None)
        assert left["forwarded_by"] == (ann.user.id if first == "fax" else None)
        there, elsewhere = (ben, ann) if first == "fax" else (ann, ben)
        assert row(world, there.hands(forward, stays, elsewhere))["copy_of"] == stays


def test_a_fax_that_was_handed_on_is_let_in_by_members_alone(world: World, ann: Person, ben: Person, fax: int) -> None:
    """The mailbox was sealed to, as where it had come by a call."""
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert not mailboxes.was_sealed_to(tx, world.acme.tenant.id, ben.mailbox_id)
    ann.hands(forward, fax, ben)
    with world.admin.tenant(world.acme.tenant.id) as tx:
        assert mailboxes.was_sealed_to(tx, world.acme.tenant.id, ben.mailbox_id)


def test_a_damaged_wrap_is_told_so(world: World, ann: Person, ben: Person, fax: int) -> None:
    execute(world, "update mailbox_wraps set wrap = %s", (bytes(80),))
    with pytest.raises(SealBroken):
        ann.hands(forward, fax, ben)


def test_times_of_a_copy_are_those_of_the_fax_to_the_microsecond(
    world: World, ann: Person, ben: Person, fax: int
) -> None:
    source, copy = row(world, fax), row(world, ann.hands(forward, fax, ben))
    assert (copy["created_at"], copy["finished_at"]) == (source["created_at"], source["finished_at"])
    with connected(world.installation, "postgres") as cursor:
        cursor.execute("select now()")
        (now,) = cursor.fetchone() or ()
    assert now - copy["finished_at"] > timedelta(days=1)


def test_a_hold_of_a_copy_keeps_what_opens_it(world: World, ann: Person, ben: Person, fax: int) -> None:
    """As by a move: copied by what opens nothing, and deleted; not purged yet as the copy is held."""
    bound(world, world.acme, min_days=5)
    good = ann.wrapped(fax, ben.user.email)
    copy = forward(world.portal, ann.user, replace(good, wraps=dict.fromkeys(good.wraps, b"x" * 80)))
    deletion.delete(world.portal, ann.user, fax)
    hold(world, fax_id=copy)
    bound(world, world.acme, min_days=0)
    assert purge(world).failures == []
    assert wraps_of(world, ann.mailbox_id) == 4
