"""Checkpoints: signed, durable, mailed, never at odds with the last one."""

import os
import time
from dataclasses import replace

import pytest

from faxplan import audit, audit_key, audit_tree, checkpointing, checkpoints
from faxplan.audit_tree import AuditTampered
from faxplan.checkpointing import CheckpointAhead, Made
from faxplan.config import Settings
from faxplan.signed_notes import NoteRefused
from faxplan.smtp_answers import MailFailed
from tests.audits import rewrite, tamper, write
from tests.mail_relay import MailRelay
from tests.world import World


def made(world: World, settings: Settings | None = None) -> Made:
    return checkpointing.make(settings or world.settings, world.admin)


def test_one_signs_what_all_chains_are(world: World) -> None:
    acme = world.acme.tenant.id
    write(world, acme, 3)
    write(world, audit.INSTALLATION, 2)
    first = made(world)
    verifier = audit_key.load_or_make(world.settings.audit_key).verifier
    assert checkpoints.read(first.file.read_text(), verifier) == first.checkpoint
    assert (first.new, first.checkpoint.size, first.checkpoint.generation) == (True, 6, 1)
    assert {tenant_id: size for tenant_id, (size, _) in first.checkpoint.chains.items()} == {0: 3, acme: 3}
    assert first.file.parent == world.settings.state_dir / "checkpoints"


def test_where_nothing_was_written_there_is_no_new_one(world: World) -> None:
    write(world, world.acme.tenant.id, 3)
    first, second = made(world), made(world)
    assert (second.new, second.file, second.checkpoint) == (False, first.file, first.checkpoint)


def test_a_tree_that_grew_before_a_crash_is_signed_the_next_time(world: World) -> None:
    write(world, world.acme.tenant.id, 3)
    audit_tree.grow(world.admin, lambda _: None)
    assert made(world).new


@pytest.mark.parametrize("how", ["cut", "rewritten", "tree"])
def test_what_is_at_odds_with_the_last_one_is_not_signed(world: World, how: str) -> None:
    acme = world.acme.tenant.id
    write(world, acme, 3)
    write(world, world.borea.tenant.id, 3)
    first = made(world)
    if how == "cut":
        tamper(
            world,
            f"delete from audit where tenant_id = {acme} and sequence = 3",
            f"""update audit_heads h set sequence = 2, hash = a.hash from audit a
                where h.tenant_id = {acme} and a.tenant_id = {acme} and a.sequence = 2""",
        )
    elif how == "rewritten":
        rewrite(world, acme, "actor = 'user:99'")
    else:
        # With all that is in the database mended: the file remembers.
        rewrite(world, acme, "actor = 'user:99'")
        tamper(
            world,
            "update audit_leaves l set last_hash = h.hash from audit_heads h where h.tenant_id = l.tenant_id",
        )
    write(world, acme, 1)
    with pytest.raises(AuditTampered, match="Keep the database"):
        made(world)
    assert checkpointing.folder_of(world.settings).newest() == first.file


def test_a_database_that_is_behind_is_not_signed(world: World) -> None:
    write(world, world.acme.tenant.id, 3)
    made(world)
    tamper(
        world,
        "delete from audit",
        "delete from audit_heads",
        "delete from audit_leaves",
        "update audit_tree set size = 0, frontier = '{}'",
    )
    write(world, world.acme.tenant.id, 1)
    with pytest.raises(CheckpointAhead, match="faxplan audit restored"):
        made(world)


def test_another_tree_of_the_same_size_is_not_signed(world: World) -> None:
    """Its chains say what they said; only the tree is another."""
    write(world, world.acme.tenant.id, 3)
    made(world)
    tamper(world, "update audit_tree set frontier[1] = repeat('0', 64)")
    with pytest.raises(AuditTampered, match="another root"):
        made(world)


def test_a_last_one_that_was_changed_or_is_of_another_key_is_told(world: World) -> None:
    write(world, world.acme.tenant.id, 3)
    first = made(world)
    note = first.file.read_text()
    first.file.write_text(note.replace("chain", "Chain", 1))
    with pytest.raises(NoteRefused, match="If somebody changed it"):
        made(world)
    first.file.write_text(note)
    world.settings.audit_key.unlink()
    with pytest.raises(NoteRefused, match="key was changed"):
        made(world)


class TestMail:
    """To the officers, once for each state of the audit and not too often."""

    @pytest.fixture
    def settings(self, world: World, relay: MailRelay) -> Settings:
        return replace(
            world.settings, smtp_host="127.0.0.1", smtp_port=relay.port, smtp_from="faxplan@fax.example",
            checkpoint_mail_to="officer@harrow.example, second@harrow.example",
        )  # fmt: skip

    @pytest.fixture
    def relay(self) -> object:
        with MailRelay() as relay:
            yield relay

    def test_it_goes_out_as_it_was_signed(self, world: World, settings: Settings, relay: MailRelay) -> None:
        write(world, world.acme.tenant.id, 3)
        first = made(world, settings)
        assert first.mailed == ["officer@harrow.example", "second@harrow.example"]
        (mail,) = relay.mails
        assert mail.sender == "faxplan@fax.example"
        assert mail.recipients == ["officer@harrow.example", "second@harrow.example"]
        (attachment,) = mail.message.iter_attachments()
        assert attachment.get_content() == first.file.read_bytes()
        assert "4 rows" in mail.message["subject"]

    def test_not_before_its_time_and_not_twice(self, world: World, settings: Settings, relay: MailRelay) -> None:
        write(world, world.acme.tenant.id, 3)
        made(world, settings)
        write(world, world.acme.tenant.id, 1)
        assert made(world, settings).mailed == []
        self.mailed_before(world, seconds=3700)
        # The one that nobody has had yet, though it is not new.
        assert made(world, settings).mailed
        self.mailed_before(world, seconds=-3700)
        assert made(world, settings).mailed == []
        assert len(relay.mails) == 2

    def test_a_relay_that_refuses_costs_no_checkpoint(self, world: World, settings: Settings, relay: MailRelay) -> None:
        write(world, world.acme.tenant.id, 3)
        relay.refused = {"second@harrow.example"}
        with pytest.raises(MailFailed, match=r"second@harrow\.example"):
            made(world, settings)
        newest = checkpointing.folder_of(settings).newest()
        assert newest is not None
        relay.refused = set()
        again = made(world, settings)
        assert (again.new, again.file, bool(again.mailed)) == (False, newest, True)

    def mailed_before(self, world: World, *, seconds: float) -> None:
        at = time.time() - seconds
        os.utime(world.settings.checkpoints / "mailed", (at, at))
