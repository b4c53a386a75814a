"""Postfix as Debian has it, as an instance of the test's own: on a high port of the loopback, with its mailboxes.

Nothing of the machine's own Postfix is read or changed, no name is looked up, and no mail leaves the machine. It wants
root, as Postfix does to deliver in other accounts' names.
"""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from faxplan.free_ports import free_tcp_port
from tests.certificates import Authority

_DAEMONS = Path("/usr/lib/postfix/sbin")
_ACCOUNTS = ("postfix", "nobody")
_SECONDS = 60
_LINGER_SECONDS = 5
MISSING = "this needs Postfix, and root to run one: `install/setup.sh tests` as root brings it"
OURS = Path(__file__).parents[1] / "conf" / "postfix"
_SERVICES = """
127.0.0.1:{port} inet n - n - - smtpd
pickup   unix n - n 60 1 pickup
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
tlsmgr   unix - - n 1000 1 tlsmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
verify   unix - - n - 1 verify
proxymap unix - - n - - proxymap
lmtp     unix - - n - - lmtp
showq    unix n - n - - showq
error    unix - - n - - error
retry    unix - - n - - error
virtual  unix - n n - - virtual
anvil    unix - - n - 1 anvil
postlog  unix-dgram n - n - 1 postlogd
"""


def available() -> bool:
    """Whether one can be run here."""
    return os.geteuid() == 0 and shutil.which("postfix") is not None and _DAEMONS.is_dir()


class Postfix:
    """One instance. mailboxes: the addresses that it takes mail for; of all others it says 550. `busy`: those of which
    it says 450. `more`: further settings, by name. What is changed here counts from the next start."""

    def __init__(self, folder: Path, mailboxes: Collection[str], **more: str) -> None:
        self._folder = folder
        self._mailboxes = list(mailboxes)
        self.busy: set[str] = set()
        self.more = more
        self.port = free_tcp_port()
        self.authority_file = folder / "tls" / "cafile.pem"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """When it returns, it answers."""
        self._write()
        where = {**os.environ, "MAIL_CONFIG": str(self._folder / "etc")}
        with (self._folder / "start.log").open("ab") as said:
            if not (self._folder / "queue" / "pid").exists():
                # It makes the queue's folders.
                subprocess.run(["postfix", "check"], env=where, stdout=said, stderr=said, check=True)
            # -s: in the foreground, at the head of a group of processes of its own.
            self._process = subprocess.Popen([_DAEMONS / "master", "-s"], env=where, stdout=said, stderr=said)
        deadline = time.monotonic() + _SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise AssertionError(f"Postfix does not start:\n{self.log()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """What it has taken stays in its queue. Raises nothing where it does not run."""
        if self._process is None:
            return
        group = self._process.pid
        # It ends what it has started.
        self._process.terminate()
        self._process.wait(_SECONDS)
        self._process = None
        deadline = time.monotonic() + _LINGER_SECONDS
        while _is_alive(group) and time.monotonic() < deadline:
            time.sleep(0.01)
        if _is_alive(group):
            os.killpg(group, signal.SIGKILL)

    def delivered(self, mailbox: str) -> list[bytes]:
        """Mails as they lie there, the oldest first."""
        files = [*(self._folder / "mail" / mailbox / "new").glob("*")]
        return [each.read_bytes() for each in sorted(files, key=lambda each: (each.stat().st_mtime_ns, each.name))]

    def await_delivered(self, mailbox: str, count: int) -> list[EmailMessage]:
        """Once so many have come."""
        deadline = time.monotonic() + _SECONDS
        while len(found := self.delivered(mailbox)) < count:
            assert time.monotonic() < deadline, f"{mailbox} has {len(found)} mails of {count}:\n{self.log()}"
            time.sleep(0.02)
        return [read(each) for each in found]

    def await_empty_queue(self) -> None:
        """Once all that it has taken is delivered."""
        deadline = time.monotonic() + _SECONDS
        while any(
            path.is_file() for name in ("maildrop", "incoming", "active", "deferred") for path in self._queued(name)
        ):
            assert time.monotonic() < deadline, f"mails stay in the queue:\n{self.log()}"
            time.sleep(0.05)

    def forget(self) -> None:
        """Empties the mailboxes."""
        for each in (self._folder / "mail").iterdir():
            shutil.rmtree(each)

    def log(self) -> str:
        """All that it has said."""
        files = (self._folder / name for name in ("start.log", "mail.log"))
        return "".join(each.read_text(errors="replace") for each in files if each.exists())

    def _queued(self, name: str) -> list[Path]:
        return [*(self._folder / "queue" / name).rglob("*")]

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as connection:
                return connection.recv(3) == b"220"
        except OSError:
            return False

    def _write(self) -> None:
        etc, queue, data, mail, tls = (self._folder / name for name in ("etc", "queue", "data", "mail", "tls"))
        owner, deliverer = (pwd.getpwnam(name) for name in _ACCOUNTS)
        for folder in (etc, queue, data, mail):
            folder.mkdir(mode=0o755, exist_ok=True)
        os.chown(data, owner.pw_uid, owner.pw_gid)
        os.chown(mail, deliverer.pw_uid, deliverer.pw_gid)
        if not tls.exists():
            Authority("the tests' authority").install(tls, "localhost")
        (etc / "mailboxes").write_text("".join(f"{each} {each}/\n" for each in self._mailboxes))
        (etc / "recipients").write_text("".join(f"{each} 450 4.2.0 not just now\n" for each in sorted(self.busy)))
        domains = sorted({each.partition("@")[2] for each in self._mailboxes})
        values = {
            "compatibility_level": "3.6",
            "daemon_directory": str(_DAEMONS),
            "queue_directory": str(queue),
            "data_directory": str(data),
            "mail_owner": owner.pw_name,
            "maillog_file": str(self._folder / "mail.log"),
            "maillog_file_prefixes": str(self._folder),
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "myhostname": "mx.example",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "alias_maps": "",
            "alias_database": "",
            "default_transport": "error:no mail leaves this machine",
            "relay_transport": "error:no mail leaves this machine",
            "disable_dns_lookups": "yes",
            "biff": "no",
            "mailbox_size_limit": "0",
            "message_size_limit": "60000000",
            "default_process_limit": "8",
            "virtual_transport": "virtual",
            "virtual_mailbox_domains": ", ".join(domains),
            "virtual_mailbox_maps": f"texthash:{etc / 'mailboxes'}",
            "virtual_mailbox_base": str(mail),
            "virtual_mailbox_limit": "0",
            "virtual_uid_maps": f"static:{deliverer.pw_uid}",
            "virtual_gid_maps": f"static:{deliverer.pw_gid}",
            "smtpd_peername_lookup": "no",
            # A mailer that is killed again and again hangs up often.
            "smtpd_client_connection_count_limit": "0",
            "smtpd_recipient_restrictions": f"check_recipient_access texthash:{etc / 'recipients'},"
            " reject_unauth_destination",
            "smtpd_tls_security_level": "may",
            "smtpd_tls_cert_file": str(tls / "agent.pem"),
            "smtpd_tls_key_file": str(tls / "agent.pem"),
            "smtpd_tls_received_header": "yes",
            **self.more,
        }
        (etc / "main.cf").write_text("".join(f"{name} = {value}\n" for name, value in values.items()))
        (etc / "master.cf").write_text(_SERVICES.format(port=self.port))


def _is_alive(group: int) -> bool:
    """Whether a process of it still runs."""
    for each in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The second field, the program's name in brackets, may hold anything.
            state, _parent, its_group, *_ = each.read_text().rpartition(")")[2].split()
            if int(its_group) == group and state not in ("Z", "X"):
                return True
    return False


def ours(folder: Path, *, lmtp: int, milter: int) -> dict[str, str]:
    """The settings of conf/postfix, for an instance that is asked from outside though it is here: only what this
    machine has not is left out (names in the DNS, a certificate). folder: an empty one. lmtp: the port where mails are
    handed to. milter: that of what stands for both milters."""
    for each in OURS.iterdir():
        shutil.copy(each, folder)
    shutil.copy("/etc/postfix/master.cf", folder)
    said = subprocess.run(["postconf", "-c", str(folder), "-n"], capture_output=True, text=True, check=True)
    assert said.stderr == "", "Postfix does not know a setting"
    found = {
        name.strip(): value.strip() for name, _, value in (line.partition("=") for line in said.stdout.splitlines())
    }
    asked = found["smtpd_recipient_restrictions"]
    assert "reject_unknown_sender_domain, " in asked
    for name in ("smtpd_milters", "smtpd_tls_chain_files", "inet_interfaces"):
        assert found.pop(name)
    # Postfix 3.10 does not say it any more.
    found.pop("config_directory", None)
    return found | {
        "smtpd_recipient_restrictions": asked.replace("reject_unknown_sender_domain, ", ""),
        "mynetworks": "192.0.2.0/24",
        "smtpd_milters": f"inet:127.0.0.1:{milter}",
        "relay_transport": f"lmtp:inet:127.0.0.1:{lmtp}",
        "header_checks": found["header_checks"].replace("/etc/postfix", str(folder)),
    }


@contextmanager
def running(mailboxes: Collection[str], **more: str) -> Iterator[Postfix]:
    """One that runs until the end."""
    # Not pytest's tmp_path: Postfix's accounts cannot pass through its 0700 folders.
    with tempfile.TemporaryDirectory(prefix="faxplan-postfix-") as folder:
        Path(folder).chmod(0o755)
        postfix = Postfix(Path(folder), mailboxes, **more)
        try:
            postfix.start()
            yield postfix
        finally:
            postfix.stop()


def read(raw: bytes) -> EmailMessage:
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message
