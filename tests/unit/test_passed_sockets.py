import asyncio
import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from faxplan import lmtp, passed_sockets
from faxplan.errors import InvalidSetting

ON = 'exec 3<&"$0"; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@"'
SAYS = """
import os, subprocess, sys
from faxplan import passed_sockets
(taken,) = passed_sockets.take()
print(taken.getsockname()[1], taken.get_inheritable(), [name for name in os.environ if name.startswith("LISTEN_")])
print(passed_sockets.take())
"""


def test_a_socket_is_taken_once_and_no_child_has_it() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as given:
        done = subprocess.run(
            ["bash", "-c", ON, str(given.fileno()), sys.executable, "-c", SAYS],
            cwd=Path(__file__).parents[2], pass_fds=[given.fileno()], capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stdout == f"{given.getsockname()[1]} False []\n[]\n"


@pytest.mark.parametrize("environment", [{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "1"}])
def test_what_is_meant_for_another_process_is_left_alone(environment: dict[str, str]) -> None:
    assert passed_sockets.take(environment) == []
    assert environment == {}


@pytest.mark.parametrize(
    ("address", "where", "refused"),
    [
        ("127.0.0.1", "localhost:{}", ""),
        ("127.0.0.1", "unix:/run/faxplan-lmtp/socket", "Let ListenStream= of"),
        ("0.0.0.0", "0.0.0.0:{}", "is believed"),  # noqa: S104 - that is refused
    ],
)
def test_mails_are_taken_where_the_setting_says_on_this_machine_alone(address: str, where: str, refused: str) -> None:
    async def at(given: socket.socket) -> None:
        said = where.format(given.getsockname()[1])
        (await lmtp.listening(said, asyncio.Protocol, asyncio.get_running_loop(), [given])).close()

    with closing(socket.create_server((address, 0))) as given:
        if not refused:
            asyncio.run(at(given))
            return
        with pytest.raises(InvalidSetting, match=refused):
            asyncio.run(at(given))


def test_the_process_id_is_ours() -> None:
    assert passed_sockets.take({"LISTEN_FDS": "0", "LISTEN_PID": str(os.getpid())}) == []
