"""The doctor on mail: settings, the mail server, what waits, and faxes that are to go as they are."""

import socket
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import doctor_database, doctor_mail
from faxplan.config import Settings
from faxplan.findings import Finding, Level
from tests.mail_relay import MailRelay
from tests.mailing import choose_mail
from tests.retained import execute, received
from tests.world import World


def found(world: World, settings: Settings | None = None) -> dict[str, Finding]:
    with world.admin.across_tenants() as tx:
        return {each.what: each for each in doctor_mail.outgoing(tx, settings or world.settings)}


def server(settings: Settings) -> list[tuple[Level, str]]:
    return [(each.level, each.found) for each in doctor_mail.server(settings)]


def test_the_mail_server_is_greeted_and_gets_nothing(world: World, tmp_path: Path) -> None:
    with MailRelay() as relay:
        settings = replace(world.settings, smtp_host="127.0.0.1", smtp_port=relay.port)
        assert server(settings) == [
            (Level.OK, f"127.0.0.1:{relay.port} takes mail, encrypted where it can be, with any certificate")
        ]
        assert (relay.connections, relay.mails) == (1, [])
        relay.busy = True
        ((level, said),) = server(settings)
        assert (level, "421 too busy" in said, said[:10]) == (Level.WARNING, True, "mail waits")
        for wrong in ({"smtp_from": "nobody"}, {"smtp_user": "x", "smtp_password_file": tmp_path / "missing"}):
            ((level, _said),) = server(replace(settings, **wrong))  # type: ignore[arg-type]
            assert level is Level.ERROR
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        ((level, said),) = server(replace(settings, smtp_port=taken.getsockname()[1]))
        assert (level, "refused" in said) == (Level.WARNING, True)


def test_a_mail_server_that_says_nothing_is_not_waited_for_long(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor_mail, "_ANSWER_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as another:
        looking = another.submit(
            server, replace(world.settings, smtp_host="127.0.0.1", smtp_port=silent.getsockname()[1])
        )
        connection, _where = silent.accept()
        with connection:
            wait([looking], timeout=2)
            with suppress(OSError):
                connection.sendall(b"554 at last\r\n")
            ((level, said),) = looking.result()
    assert (level, "timed out" in said) == (Level.WARNING, True)


def test_mail_that_waits_for_long_is_said_with_what_the_mail_server_said(world: World) -> None:
    assert found(world)["mail"].found == "all of it is handed over"
    received(world, world.acme, "one")
    received(world, world.borea, "two")
    assert (found(world)["mail"].level, found(world)["mail"].found) == (Level.OK, "2 mails wait to be handed over")
    execute(world, "update outbox set created_at = created_at - interval '3 hours' where tenant_id = %s",
            (world.borea.tenant.id,))  # fmt: skip
    told = found(world)["mail"]
    assert (told.level, "for 3 h, and nobody has tried" in told.found) == (Level.WARNING, True)
    execute(world, "update outbox set said = case when tenant_id = %s then '450 greylisted' else 'x' end",
            (world.borea.tenant.id,))  # fmt: skip
    told = found(world)["mail"]
    assert told.found.endswith("450 greylisted")
    assert told in doctor_database.database(world.settings)[0]
    execute(world, "update outbox set state = 'accepted', ended_at = now()")
    assert found(world)["mail"].found == "all of it is handed over"


def test_faxes_as_they_are_want_a_mail_server_that_proves_itself(world: World) -> None:
    what = "mail of faxes as they are"
    elsewhere = replace(world.settings, smtp_host="mail.example")
    assert what not in found(world, elsewhere)
    choose_mail(world, world.borea.user, mail=True)
    told = found(world, elsewhere)[what]
    assert (told.level, told.found.startswith("user@borea.example of borea: they get notices")) == (Level.WARNING, True)
    for safe in ({"smtp_security": "starttls"}, {"smtp_host": "localhost"}):
        assert what not in found(world, replace(elsewhere, **safe))  # type: ignore[arg-type]
