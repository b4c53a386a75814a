import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from faxplan import guard, node_trunks, nodes
from faxplan.config import Settings
from faxplan.db import Database
from faxplan.errors import DatabaseUnavailable
from faxplan.guard import RuntimeSilent
from tests.routing import change
from tests.world import World


class EventSocketOfFreeSwitch(socketserver.StreamRequestHandler):
    """mod_event_socket as far as the guard goes. The server has `asked`, and `alive`: the answer, None for silence."""

    def handle(self) -> None:
        self.wfile.write(b"Content-Type: auth/request\n\n")
        while command := self._command():
            self.server.asked.append(command)
            if command.startswith("auth "):
                reply = b"+OK accepted" if command == "auth ClueCon" else b"-ERR invalid"
                self.wfile.write(b"Content-Type: command/reply\nReply-Text: " + reply + b"\n\n")
            elif command == "api python fax_queue::alive":
                if self.server.alive is not None:
                    self._respond(self.server.alive)
            else:
                self._respond("OK\n")

    def _command(self) -> str:
        lines = []
        while (line := self.rfile.readline().decode().rstrip("\n")) or not lines:
            if not line:
                return ""
            lines.append(line)
        return lines[0]

    def _respond(self, body: str) -> None:
        self.wfile.write(f"Content-Type: api/response\nContent-Length: {len(body)}\n\n{body}".encode())


@contextmanager
def switch(alive: str | None) -> Iterator[socketserver.ThreadingTCPServer]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), EventSocketOfFreeSwitch) as server:
        server.daemon_threads = True
        server.block_on_close = False
        server.asked, server.alive = [], alive  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()


@pytest.fixture
def settings(world: World, tmp_path: Path) -> Settings:
    password = tmp_path / "password"
    password.write_text("ClueCon\n")
    return replace(world.settings, event_socket="127.0.0.1:1", event_socket_password_file=password)


def at(settings: Settings, server: socketserver.ThreadingTCPServer) -> Settings:
    return replace(settings, event_socket=f"127.0.0.1:{server.server_address[1]}")


def report(world: World, *, ago: int) -> None:
    with world.switch.across_tenants() as tx:
        nodes.report(tx, "node1", switch_uuid="u", max_channels=1)
        tx.execute("update nodes set heartbeat_at = now() - make_interval(secs => %s)", (ago,))


def test_a_runtime_at_work_is_left_alone(world: World, settings: Settings) -> None:
    report(world, ago=5)
    # Nothing listens at the event socket: it is not even asked.
    assert guard.look(settings, world.switch) == ""


@pytest.mark.parametrize("ago", [31, None])
def test_a_silent_runtime_is_started_again(world: World, settings: Settings, ago: int | None) -> None:
    if ago is not None:
        report(world, ago=ago)
    with switch("+OK\n") as server:
        done = guard.look(at(settings, server), world.switch)
        assert server.asked == ["auth ClueCon", "api python fax_queue::alive", "api pyrun fax_queue"]  # type: ignore[attr-defined]
    assert "so it was started again" in done


def test_a_runtime_that_was_stopped_on_purpose_stays_so_and_only_syslog_hears_of_it(
    world: World, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    report(world, ago=60)
    settings.stop_file.touch()
    logged: list[str] = []
    monkeypatch.setattr(guard.syslog, "syslog", lambda _priority, text: logged.append(text))
    with switch("+OK\n") as server:
        # cron mails whatever is printed, each minute.
        assert guard.look(at(settings, server), world.switch) == ""
        assert server.asked == []  # type: ignore[attr-defined]
    assert "stopped on purpose" in logged[0]


@pytest.mark.parametrize("alive", [None, "", "-ERR no such module\n"])
def test_a_python_that_does_not_answer_is_an_alert_and_nothing_is_restarted(
    world: World, settings: Settings, alive: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "ANSWER_SECONDS", 0.5)
    report(world, ago=60)
    with switch(alive) as server:
        with pytest.raises(RuntimeSilent, match="restart FreeSWITCH when") as raised:
            guard.look(at(settings, server), world.switch)
        assert not [command for command in server.asked if "pyrun" in command]  # type: ignore[attr-defined]
    assert "\n" not in str(raised.value)


def test_a_switch_that_is_not_there_is_an_alert(world: World, settings: Settings) -> None:
    with pytest.raises(RuntimeSilent, match="is it running"):
        guard.look(settings, world.switch)


def test_a_password_that_is_no_text_is_an_alert_that_names_its_file(world: World, settings: Settings) -> None:
    assert settings.event_socket_password_file is not None
    settings.event_socket_password_file.write_bytes(b"\xe4\n")
    with pytest.raises(RuntimeSilent, match=f"{settings.event_socket_password_file} .*UTF-8"):
        guard.look(settings, world.switch)


def test_without_an_event_socket_the_alert_says_which_setting_is_missing(world: World) -> None:
    with pytest.raises(RuntimeSilent, match="event_socket is not set"):
        guard.look(world.settings, world.switch)


@pytest.fixture
def away() -> Iterator[Database]:
    """A database at whose port nobody listens."""
    db = Database("postgresql://faxplan_switch@127.0.0.1:1/faxplan", connect_seconds=1)
    yield db
    db.close()


def test_while_the_database_is_away_a_stuck_python_is_told_too(
    settings: Settings, away: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "ANSWER_SECONDS", 0.5)
    logged: list[str] = []
    monkeypatch.setattr(guard.syslog, "syslog", lambda _priority, text: logged.append(text))
    with switch(None) as server:
        with pytest.raises(RuntimeSilent, match=r"PostgreSQL is out of reach .* restart FreeSWITCH when") as raised:
            guard.look(at(settings, server), away)
        assert server.asked == ["auth ClueCon", "api python fax_queue::alive"]  # type: ignore[attr-defined]
    assert logged == [str(raised.value)]
    with pytest.raises(RuntimeSilent, match=r"PostgreSQL is out of reach .* is it running"):
        guard.look(settings, away)


def test_while_the_database_is_away_and_python_answers_only_that_is_told(settings: Settings, away: Database) -> None:
    with switch("+OK\n") as server:
        with pytest.raises(DatabaseUnavailable):
            guard.look(at(settings, server), away)
        # Nothing is started again on a guess.
        assert server.asked == ["auth ClueCon", "api python fax_queue::alive"]  # type: ignore[attr-defined]


@pytest.mark.parametrize("stopped", [True, False])
def test_while_the_database_is_away_nobody_is_asked_where_nobody_is_to_be(
    world: World, settings: Settings, away: Database, stopped: bool
) -> None:
    if stopped:
        settings.stop_file.touch()
    with switch(None) as server:
        with pytest.raises(DatabaseUnavailable):
            guard.look(at(settings, server) if stopped else world.settings, away)
        assert server.asked == []  # type: ignore[attr-defined]


def test_one_that_was_stopped_while_it_was_alone_gives_its_registrations_up_once_another_is_at_work(
    world: World, settings: Settings, tmp_path: Path
) -> None:
    """FreeSWITCH renews them by itself: the carrier would send calls now here, now there."""
    change(world, "trunks", register=True, username="fax", password="secret")
    settings = replace(settings, gateway_dir=tmp_path / "gateways")
    settings.gateway_dir.mkdir()
    gateway = settings.gateway_dir / "carrier.xml"
    gateway.write_text("<include/>")
    settings.stop_file.touch()
    report(world, ago=90)
    with switch("+OK\n") as server:
        guard.look(at(settings, server), world.switch)
        assert gateway.exists(), "nobody else would answer its calls"
        with world.switch.across_tenants() as tx:
            nodes.report(tx, "node2", switch_uuid="v", max_channels=1)
            node_trunks.applied(tx, "node2", node_trunks.versions(tx))
        guard.look(at(settings, server), world.switch)
        assert not gateway.exists()
        assert "api sofia profile faxplan killgw carrier" in server.asked  # type: ignore[attr-defined]
        asked = len(server.asked)  # type: ignore[attr-defined]
        guard.look(at(settings, server), world.switch)
        assert len(server.asked) == asked, "once"  # type: ignore[attr-defined]
