"""Bounds, choices and what follows from them; users' deletions; legal holds."""

from datetime import timedelta
from typing import Any

import pytest

from faxplan import audit, deletion, due_faxes, history, mailboxes, retention, retention_provisioning, saving
from faxplan.constraints import ConstraintViolated
from faxplan.deletion import NotEnded
from faxplan.errors import Forbidden, NotFound, PagesPurged
from faxplan.holds import Held, NothingToHold
from faxplan.keyring import Keyring
from faxplan.retention import Bounds, OutOfBounds, Policy
from faxplan.users import User
from tests.db.test_enrolment import colleague
from tests.faxes import queued
from tests.many import as_superuser, send_before
from tests.retained import bound, execute, kept, purge, received, sent
from tests.world import Office, World


def administrator(office: Office) -> User:
    user = office.user
    return User(user.tenant_id, user.id, user.email, user.name, "administrator", user.mailbox_id)


def choose(world: World, days: int | None, mailbox: str | None = None, direction: str | None = None) -> None:
    retention_provisioning.choose(world.portal, administrator(world.acme), days, mailbox, direction)


def days(world: World, mailbox_id: int | None, direction: str) -> int | None:
    with world.portal.tenant(world.acme.tenant.id) as tx:
        return retention.policy(tx, world.acme.tenant.id).days(mailbox_id, direction)


def audited(world: World, tenant_id: int) -> list[tuple[Any, ...]]:
    with world.admin.tenant(tenant_id) as tx:
        rows = tx.rows(
            """select actor, action, object, result, details from audit
               where tenant_id = %s and action ~ '^(retention|hold|fax.(un)?delete)' order by sequence""",
            (tenant_id,),
        )
    return [tuple(row.values()) for row in rows]


# --------------------------------------------------------------------------------------------------- bounds and choices


@pytest.mark.parametrize(
    ("bounds", "choices", "expected"),
    [
        (Bounds(), {}, None),
        (Bounds(max_days=90), {}, 90),
        (Bounds(min_days=30), {}, None),
        (Bounds(), {(None, None): 10}, 10),
        (Bounds(max_days=90), {(None, None): 100}, 90),
        (Bounds(min_days=30, max_days=90), {(None, None): 10}, 30),
        (Bounds(), {(None, None): 10, (None, "inbound"): 20}, 20),
        (Bounds(), {(None, "inbound"): 20, (7, None): 40}, 40),
        (Bounds(), {(7, None): 40, (7, "inbound"): 50, (8, "inbound"): 60}, 50),
        (Bounds(), {(7, "outbound"): 50}, None),
    ],
)
def test_a_mailbox_s_own_choice_comes_first_and_bounds_hold(
    bounds: Bounds, choices: dict[tuple[int | None, str | None], int], expected: int | None
) -> None:
    assert Policy(bounds, choices).days(7, "inbound") == expected


def test_a_tenants_own_bounds_stand_in_place_of_those_for_all(world: World) -> None:
    bound(world, None, min_days=10, max_days=100, remove_records=True)
    bound(world, world.acme, max_days=50, remove_records=False)
    with world.purge.tenant(world.acme.tenant.id) as tx:
        assert retention.bounds_for(tx, world.acme.tenant.id) == Bounds(10, 50, remove_records=False)
        assert retention.bounds_for(tx, world.borea.tenant.id) == Bounds(10, 100, remove_records=True)
    bound(world, world.acme, max_days=None, remove_records=None)
    with world.purge.tenant(world.acme.tenant.id) as tx:
        assert retention.bounds_for(tx, world.acme.tenant.id) == Bounds(10, 100, remove_records=True)


def test_a_minimum_above_a_maximum_is_refused_and_names_whose(world: World) -> None:
    bound(world, world.acme, max_days=50)
    with pytest.raises(OutOfBounds, match="for: acme"):
        bound(world, None, min_days=51)
    with pytest.raises(ConstraintViolated, match="Give both"):
        bound(world, world.acme, min_days=51)
    with pytest.raises(ConstraintViolated, match="1 to 36500"):
        bound(world, world.acme, max_days=0)
    bound(world, world.acme, min_days=51, max_days=60)


def test_a_tenants_administrator_chooses_within_the_bounds(world: World) -> None:
    mailbox = world.acme.user.mailbox_id
    bound(world, None, min_days=10, max_days=100)
    for wrong in (9, 101):
        with pytest.raises(OutOfBounds, match="at least 10 days here and at most 100"):
            choose(world, wrong)
    choose(world, 20)
    choose(world, 30, world.acme.user.email, "inbound")
    choose(world, 40, world.acme.user.email, "inbound")
    assert (days(world, mailbox, "inbound"), days(world, mailbox, "outbound")) == (40, 20)
    bound(world, None, max_days=25)
    assert days(world, mailbox, "inbound") == 25
    choose(world, None, world.acme.user.email, "inbound")
    choose(world, None)
    assert days(world, mailbox, "inbound") == 25
    with pytest.raises(NotFound):
        choose(world, 20, "nowhere")
    with pytest.raises(Forbidden, match="administrator"):
        retention_provisioning.choose(world.portal, world.acme.user, 20, None, None)
    told = audited(world, world.acme.tenant.id)
    assert [row[1] for row in told] == ["retention.choose"] * 5
    assert told[1][2:] == (f"mailbox:{mailbox}", "done", {"days": 30, "direction": "inbound"})


def test_purge_goes_by_mailbox_and_direction(world: World) -> None:
    out, came = sent(world, world.acme, days_ago=20), received(world, world.acme, "a", days_ago=20)
    theirs = received(world, world.borea, "b", days_ago=20)
    choose(world, 30)
    choose(world, 10, None, "outbound")
    assert purge(world).faxes == 1
    assert world.fax(world.acme, out)["purged_at"] is not None
    choose(world, 10, world.acme.user.email, "inbound")
    assert purge(world).faxes == 1
    assert world.fax(world.acme, came)["purged_at"] is not None
    assert kept(world, world.borea) == [theirs]


def test_bounds_are_in_the_installations_audit(world: World) -> None:
    retention_provisioning.set_bounds(world.admin, "administrator:root", None, {"max_days": 90})
    retention_provisioning.set_bounds(world.admin, "administrator:root", "acme", {"min_days": 1})
    told = audited(world, audit.INSTALLATION)
    assert [row[2:] for row in told] == [
        ("tenants", "done", {"max_days": 90}),
        (f"tenant:{world.acme.tenant.id}", "done", {"min_days": 1}),
    ]


def test_a_million_kept_faxes_are_not_looked_through(world: World) -> None:
    """20,000 here, all old: purged ones whose records stay, and those of a mailbox that keeps them for longer."""
    acme = world.acme.tenant.id
    with world.admin.tenant(acme) as tx:
        other = tx.value("insert into mailboxes (tenant_id, name) values (%s, 'other') returning id", (acme,))
    as_superuser(
        world,
        """insert into documents (tenant_id, kind, media_type, bytes, sha256, object_name)
               values (%(t)s, 'rendering', 'image/tiff', 1, '', 'o');
           insert into renderings (tenant_id, original_id, resolution, state, document_id)
               select tenant_id, id, 'fine', 'rendered', id from documents""",
        {"t": acme},
    )
    send_before(world, 20_000)
    as_superuser(
        world,
        """update faxes set created_at = now() - interval '50 days', finished_at = now() - interval '50 days',
               mailbox_id = case when id %% 2 = 0 then %(mine)s else %(other)s end,
               purged_at = case when id %% 2 = 0 then now() end
           where tenant_id = %(t)s""",
        {"mine": world.acme.user.mailbox_id, "other": other, "t": acme},
    )
    old = sent(world, world.acme, days_ago=40)
    as_superuser(world, "vacuum analyze")
    parameters = {
        "tenant": acme, "mailbox": world.acme.user.mailbox_id, "direction": "outbound", "days": 30, "most": 100,
        "key": "-infinity", "id": 0,
    }  # fmt: skip
    with world.purge.tenant(acme) as tx:
        plan = "\n".join(row["QUERY PLAN"] for row in tx.rows(f"explain analyze {due_faxes.BY_AGE}", parameters))
        assert "faxes_kept_idx" in plan, plan
        # Of the few mailboxes it may read all.
        assert "Rows Removed" not in plan.partition("faxes_kept_idx")[2].partition("->")[0], plan
        deleted = "\n".join(row["QUERY PLAN"] for row in tx.rows(f"explain {due_faxes.BY_USERS}", parameters))
        assert "faxes_deleted_idx" in deleted, deleted
        assert [row["fax_id"] for row in tx.rows(due_faxes.BY_AGE, parameters)] == [old]


# ------------------------------------------------------------------------------------------------------------ deletion


def visible(world: World, user: User) -> list[int]:
    with world.portal.tenant(user.tenant_id) as tx:
        inbox = [each.fax_id for each in mailboxes.entries(tx, user.tenant_id, user.id)]
        listed = [each.id for each in history.faxes(tx, user)]
        assert [each for each in listed if each in inbox] == inbox
        return listed


def test_what_a_user_deletes_nobody_sees_and_the_next_purge_destroys(world: World) -> None:
    me = world.acme.user
    came, gone = received(world, world.acme, "a"), sent(world, world.acme)
    done = [deletion.delete(world.portal, me, each) for each in (came, gone)]
    assert [each.kept_until for each in done] == [None, None]
    assert visible(world, me) == []
    with pytest.raises(NotFound):
        deletion.delete(world.portal, me, came)
    deletion.undelete(world.portal, me, gone)
    assert visible(world, me) == [gone]
    assert purge(world).faxes == 1
    assert kept(world, world.acme) == [gone]
    with pytest.raises(NotFound, match="cannot be undone"):
        deletion.undelete(world.portal, me, came)
    assert [row[:4] for row in audited(world, world.acme.tenant.id)] == [
        (f"user:{me.id}", "fax.delete", f"fax:{came}", "done"),
        (f"user:{me.id}", "fax.delete", f"fax:{gone}", "done"),
        (f"user:{me.id}", "fax.undelete", f"fax:{gone}", "done"),
    ]


def test_the_minimum_holds_for_deleted_faxes_too(world: World) -> None:
    fax_id = received(world, world.acme, "a", days_ago=5)
    bound(world, None, min_days=7)
    done = deletion.delete(world.portal, world.acme.user, fax_id)
    assert done.kept_until is not None
    ended = world.fax(world.acme, fax_id)["finished_at"]
    assert done.kept_until - ended == timedelta(days=7)  # type: ignore[operator]
    assert purge(world).faxes == 0
    assert visible(world, world.acme.user) == []
    execute(world, "update faxes set finished_at = finished_at - interval '3 days'")
    assert purge(world).faxes == 1


def test_only_who_sees_a_fax_deletes_it_and_only_once_it_has_ended(world: World) -> None:
    came, waits = received(world, world.acme, "a"), queued(world, world.acme)
    she = colleague(world)
    for user, fax_id in ((she, came), (she, waits), (world.borea.user, came), (world.acme.user, 4711)):
        with pytest.raises(NotFound):
            deletion.delete(world.portal, user, fax_id)
    with pytest.raises(NotEnded, match="faxplan cancel"):
        deletion.delete(world.portal, world.acme.user, waits)
    assert visible(world, world.acme.user) == [waits, came]


def test_a_purged_fax_says_so(world: World) -> None:
    fax_id = received(world, world.acme, "a", days_ago=31)
    bound(world, None, max_days=30)
    purge(world)
    with world.portal.tenant(world.acme.tenant.id) as tx:
        fax = history.fax(tx, world.acme.user, fax_id)
    with pytest.raises(PagesPurged, match="faxplan show"):
        saving.save(world.portal, world.store, world.acme.user, fax, Keyring({}, []), world.settings.state_dir)


# --------------------------------------------------------------------------------------------------------------- holds


def hold(world: World, **what: Any) -> int:
    which = {"mailbox": None, "fax_id": None, "reason": "case 4711", **what}
    return retention_provisioning.set_hold(world.admin, "administrator:root", "acme", **which)


@pytest.mark.parametrize("what", ["fax", "mailbox", "tenant"])
def test_what_is_held_cannot_be_deleted(world: World, what: str) -> None:
    fax_id = received(world, world.acme, "a")
    given = {"fax": {"fax_id": fax_id}, "mailbox": {"mailbox": world.acme.user.email}, "tenant": {}}[what]
    hold_id = hold(world, **given)
    with pytest.raises(Held, match="under legal hold since"):
        deletion.delete(world.portal, world.acme.user, fax_id)
    assert visible(world, world.acme.user) == [fax_id]
    ((_, found),) = retention_provisioning.all_holds(world.admin, None)
    assert (found.id, found.reason, found.set_by) == (hold_id, "case 4711", "administrator:root")
    retention_provisioning.release_hold(world.admin, "administrator:root", "acme", hold_id, reason="settled")
    deletion.delete(world.portal, world.acme.user, fax_id)
    told = audited(world, world.acme.tenant.id)
    assert [(row[1], row[3]) for row in told] == [
        ("hold.set", "done"), ("fax.delete", "refused"), ("hold.release", "done"), ("fax.delete", "done"),
    ]  # fmt: skip
    assert (told[0][4], told[2][4]) == (
        {"hold": hold_id, "reason": "case 4711"}, {"hold": hold_id, "reason": "settled"},
    )  # fmt: skip


def test_a_hold_needs_something_and_a_reason(world: World) -> None:
    theirs = received(world, world.borea, "b")
    mine = received(world, world.acme, "a", days_ago=31)
    with pytest.raises(NotFound, match="no fax"):
        hold(world, fax_id=theirs)
    with pytest.raises(NotFound):
        hold(world, mailbox="nowhere")
    with pytest.raises(ConstraintViolated, match="why it is held"):
        hold(world, reason="  ")
    bound(world, None, max_days=30)
    purge(world)
    with pytest.raises(NothingToHold, match="was purged on"):
        hold(world, fax_id=mine)
    with pytest.raises(NotFound, match="faxplan hold list"):
        retention_provisioning.release_hold(world.admin, "administrator:root", "acme", 4711, reason="x")
    assert retention_provisioning.all_holds(world.admin, "acme") == []
