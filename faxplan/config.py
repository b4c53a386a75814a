"""Settings: read once from one TOML file and the environment, typed, printable.

The file is named by FAXPLAN_CONFIG, else /etc/faxplan/faxplan.toml; each key can be overridden by FAXPLAN_<KEY>.
docs/settings.md describes every key; a test fails for one that is missing there.
"""

import json
import math
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

from faxplan.errors import InvalidSetting

DEFAULT_FILE = Path("/etc/faxplan/faxplan.toml")
CALL_CAP_SECONDS = 3600
ROLES = ("admin", "portal", "switch", "worker", "purge", "metrics")
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
SANDBOXES = ("namespace", "limits")
_BUCKET = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9][A-Za-z0-9._-]*)*")
SMTP_SECURITIES = ("opportunistic", "starttls", "tls", "none")
_CHOICES = {"log_level": LOG_LEVELS, "smtp_security": SMTP_SECURITIES}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, with its default. Paths are absolute; times are seconds."""

    database_url: str
    """libpq URL. Without a user, each process logs in as faxplan_<its role>."""
    state_dir: Path = Path("/var/lib/faxplan")
    """Journal, pending deliveries and, unless said otherwise, document store and spool."""
    store_dir: Path | None = None
    """Document store; default: `store` below state_dir."""
    store_bucket: str = ""
    """Document store on a server that speaks S3, s3://bucket or s3://bucket/prefix; empty: a folder."""
    store_endpoint: str = ""
    """That server's address, such as https://s3.example.com; empty: Amazon's of store_region."""
    store_region: str = "us-east-1"
    """The region that requests are signed for."""
    store_credentials_file: Path | None = None
    """A file with what logs in there; None: what the machine has, as Amazon's own programs look for it."""
    store_ca_file: Path | None = None
    """CA certificates (PEM) that prove the server instead of the system's."""
    spool_dir: Path | None = None
    """Private spool of calls in progress, best on tmpfs; default: `spool` below state_dir."""
    work_dir: Path | None = None
    """Documents while they are worked on, private, best on a tmpfs of its own; default: `work` below state_dir."""
    keys_dir: Path | None = None
    """Private keys that open what waits to be sent, in no backup; default: `keys` below state_dir."""
    sandbox: str = "namespace"
    """What confines the converters of documents: "namespace" (and limits), or "limits" alone."""
    node: str = field(default_factory=socket.gethostname)
    """Name of this FreeSWITCH machine in the database."""
    max_channels: int = 100
    """Fax calls at once on this node, sent and received."""
    calls_per_second: float = 20.0
    """New outbound calls a second; the runtime also keeps below the switch's sessions-per-second."""
    session_reserve: int = 10
    """Of FreeSWITCH's max-sessions, so many are left to other calls: no fax is dialled into them."""
    calls_to_one_number: int = 2
    """Calls at once to one number, from all nodes together; the same on every node. Our own DIDs have no such limit."""
    internal_delivery: bool = False
    """Whether a fax to a DID of this installation is delivered without a call; the same on every node."""
    sip_profile: str = "faxplan"
    """Sofia profile that owns our gateways."""
    gateway_dir: Path | None = None
    """Where gateway files are written; None: an administrator keeps them by hand."""
    acl_file: Path | None = None
    """Where the list of trunks' networks is written (conf/faxplan/trunks_acl.xml); None: kept by hand."""
    event_socket: str | None = None
    """FreeSWITCH's event socket, host:port, for guard and doctor; None: they do without it."""
    event_socket_password_file: Path | None = None
    """A file with the event socket's password and nothing else."""
    ring_seconds: int = 60
    """How long a call may ring before it counts as not answered."""
    call_cap_seconds: int = CALL_CAP_SECONDS
    """Absolute length of a call; 47 pages at 14,400 bit/s take about half of it."""
    lease_margin_seconds: int = 300
    """How long after the cap a call without a record is taken for dead."""
    wait_hours: int = 72
    """So long a fax may wait to be sent; then it is given up. Tenants may have their own hours."""
    lookup_seconds: float = 1.0
    """Longest time that an incoming call waits for the database before it gets 503."""
    backup_days: int | None = None
    """How many days the oldest backup is kept, of database and store; None: nobody has said. Shown beside retention."""
    log_level: str = "INFO"
    """Of the worker: one of LOG_LEVELS."""
    audit_key_file: Path | None = None
    """The key that signs checkpoints of the audit; default: `audit_key` below state_dir."""
    checkpoint_dir: Path | None = None
    """Where checkpoints of the audit are written, best on another machine; default: `checkpoints` below state_dir."""
    checkpoint_mail_to: str | None = None
    """Whom checkpoints are mailed to: addresses with commas between them; None: nobody."""
    checkpoint_mail_minutes: int = 60
    """At most one mail in that time."""
    portal_listen: str = "127.0.0.1:8080"
    """Where the portal listens, host:port; a proxy with TLS stands before it."""
    portal_administration_listen: str = ""
    """Where the portal's administration listens, host:port; empty: there is none."""
    portal_domain: str = "localhost"
    """The portal's host name. Each tenant has one below it, by its short name: acme.fax.example."""
    portal_threads: int = 8
    """So many requests at once, in each of the portal's processes."""
    portal_processes: int = 1
    """Of the portal."""
    portal_behind_proxy: bool = False
    """Whether a proxy says in X-Forwarded-For and X-Forwarded-Proto who asks, and by https."""
    api_requests_per_minute: int = 600
    """So many requests each API key may make."""
    metrics_listen: str = ""
    """Where the worker answers monitoring, host:port, such as 127.0.0.1:9109; empty: nowhere."""
    metrics_tenants: bool = False
    """Whether what waits in the queue is told by tenant there, under its short name."""
    smtp_host: str = "localhost"
    """The mail server that takes our mail."""
    smtp_port: int = 25
    """Its port."""
    smtp_security: str = "opportunistic"
    """What protects mail on its way there: one of SMTP_SECURITIES."""
    smtp_ca_file: Path | None = None
    """CA certificates (PEM) that may prove the mail server beside the system's."""
    smtp_user: str = ""
    """To log in there; empty: without a log-in."""
    smtp_password_file: Path | None = None
    """A file with the password of smtp_user and nothing else."""
    smtp_from: str = field(default_factory=lambda: f"fax@{socket.gethostname()}")
    """The address that our mail comes from."""
    mail_domain: str = ""
    """To which mails go that become faxes: each tenant's at its short name below it; empty: at its own hosts alone."""
    mail_bounces: bool = True
    """Whether what comes back of our mail is sent to an address below mail_domain, by which it is known."""
    mail_authserv_ids: str = ""
    """The names by which our mail server says who has sent a mail (RFC 8601), with commas between them."""
    mail_authserv_fields: int = 1
    """How many Authentication-Results fields it adds to a mail."""
    lmtp_listen: str = "127.0.0.1:8024"
    """Where mails are taken: a port of this machine, or unix: and a path."""
    lmtp_at_once: int = 4
    """So many mails are looked at at once; four times as many wait, and the mail server keeps the rest."""
    web_private_networks: str = ""
    """Networks that are not public and from which we fetch all the same, with commas between them."""
    document_private_networks: str = ""
    """Networks that are not public and from which documents are fetched all the same, with commas between them."""
    web_ca_file: Path | None = None
    """CA certificates (PEM) that are believed beside the system's, when we fetch."""

    @property
    def store(self) -> Path:
        """Folder of the document store."""
        return self.store_dir or self.state_dir / "store"

    @property
    def spool(self) -> Path:
        """Folder of the private spool."""
        return self.spool_dir or self.state_dir / "spool"

    @property
    def work(self) -> Path:
        """Folder of documents in work. Not in the spool: a large one must not take the room of calls."""
        return self.work_dir or self.state_dir / "work"

    @property
    def journal(self) -> Path:
        """Folder of outcomes that the database has not taken yet."""
        return self.state_dir / "journal"

    @property
    def pending(self) -> Path:
        """Folder of received faxes that are not delivered yet."""
        return self.state_dir / "pending"

    @property
    def keys(self) -> Path:
        """Folder of the private keys of readers for a while (transient_readers)."""
        return self.keys_dir or self.state_dir / "keys"

    @property
    def mailer_keys(self) -> Path:
        """Folder of those that open what waits to be mailed (mail_readers): the worker's; no switch opens it."""
        return self.keys / "mailer"

    @property
    def mail_journal(self) -> Path:
        """Folder of what mail servers have taken over and the database has not noted yet."""
        return self.state_dir / "mail"

    @property
    def audit_key(self) -> Path:
        """The file of the key that signs checkpoints."""
        return self.audit_key_file or self.state_dir / "audit_key"

    @property
    def checkpoints(self) -> Path:
        """Folder of checkpoints of the audit."""
        return self.checkpoint_dir or self.state_dir / "checkpoints"

    @property
    def stop_file(self) -> Path:
        """While it is there, the runtime does not run: `python fax_queue::stop` writes it, `::start` removes it."""
        return self.state_dir / "runtime.stopped"

    @property
    def pause_file(self) -> Path:
        """While it is there, this node dials nothing: `python fax_queue::pause` writes it, `::resume` removes it."""
        return self.state_dir / "runtime.paused"

    def database_url_for(self, role: str) -> str:
        """The libpq URL with which `role` (one of ROLES, or backup) logs in."""
        if role not in (*ROLES, "backup"):
            raise ValueError(f"unknown database role {role!r}")
        parts = urlsplit(self.database_url)
        if parts.username or "user=" in parts.query:
            return self.database_url
        return urlunsplit(parts._replace(netloc=f"faxplan_{role}@{parts.netloc.rpartition('@')[2]}"))

    def portal_of(self, slug: str) -> str:
        """The portal's address of a tenant. On this machine browsers open sealed faxes without TLS, too."""
        host = f"{slug}.{self.portal_domain}"
        if self.portal_domain == "localhost" and not self.portal_behind_proxy:
            return f"http://{host}:{self.portal_listen.rpartition(':')[2]}"
        return f"https://{host}"

    @property
    def database_name(self) -> str:
        """The database's name in database_url. Raises InvalidSetting where there is none."""
        name = unquote(urlsplit(self.database_url).path.strip("/"))
        if not name:
            raise InvalidSetting("database_url names no database. Write it as postgresql://db.example/faxplan.")
        return name

    @property
    def superuser_url(self) -> str:
        """The libpq URL of the same server for its superuser postgres, without a password."""
        parts = urlsplit(self.database_url)
        return urlunsplit(parts._replace(netloc=f"postgres@{parts.netloc.rpartition('@')[2]}", path="/postgres"))

    def printable(self) -> dict[str, str]:
        """Every setting as text, with passwords masked."""
        shown = {f.name: str(getattr(self, f.name)) for f in fields(self)}
        parts = urlsplit(self.database_url)
        if parts.password:
            shown["database_url"] = self.database_url.replace(f":{parts.password}@", ":********@")
        shown["database_url"] = re.sub(r"(?<=[?&]password=)[^&]*", "********", shown["database_url"])
        return shown


def settings_file(environment: Mapping[str, str] = os.environ) -> Path:
    """Where the settings are, or would be."""
    return Path(environment.get("FAXPLAN_CONFIG", DEFAULT_FILE))


def load(file: Path | None = None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from `file` (default: see the module) and `environment`.

    Raises InvalidSetting for an unknown key, a wrong type, or a missing database_url.
    """
    path = file or settings_file(environment)
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise InvalidSetting(f"{path} is not valid TOML: {error}. Mend that line.") from error
    elif file or "FAXPLAN_CONFIG" in environment:
        raise InvalidSetting(f"{path} does not exist. Name the settings file with FAXPLAN_CONFIG.")
    known = {f.name: str(f.type) for f in fields(Settings)}
    for key in values:
        if key not in known:
            raise InvalidSetting(f"{path} has an unknown setting {key!r}. Known are: {', '.join(sorted(known))}.")
    for key in known:
        if (text := environment.get(f"FAXPLAN_{key.upper()}")) is not None:
            values[key] = text
    if "database_url" not in values:
        raise InvalidSetting(f"database_url is not set. Put it into {path} or into FAXPLAN_DATABASE_URL.")
    if values.get("sandbox", SANDBOXES[0]) not in SANDBOXES:
        raise InvalidSetting(f'Setting sandbox = {values["sandbox"]!r} cannot be used: "namespace" or "limits".')
    settings = Settings(**{key: _typed(key, known[key], value) for key, value in values.items()})
    check_database_url(settings.database_url)
    _check_store(settings)
    return settings


def check_database_url(url: str) -> None:
    """Raises InvalidSetting for what is no libpq URL. It is not repeated: a password may be in it, where nobody looks
    for one, such as behind a slash that was to be a letter of it."""
    try:
        parts = urlsplit(url)
        hosts = [each.rpartition("]")[2] for each in parts.netloc.rpartition("@")[2].split(",")]
        has_ports = all(port == "" or port.isdecimal() for port in (each.partition(":")[2] for each in hosts))
        is_one = parts.scheme in ("postgresql", "postgres") and has_ports and "@" not in parts.path + parts.fragment
    except ValueError:
        is_one = False
    if not is_one:
        raise InvalidSetting(
            "Setting database_url cannot be used: write it as postgresql://db.example/faxplan, or for a socket as "
            "postgresql:///faxplan?host=/var/run/postgresql. In a password %2F stands for /, %40 for @, %3F for ?, %23 "
            "for #, %5B for [ and %25 for %."
        )


def _check_store(settings: Settings) -> None:
    """Raises InvalidSetting for a document store that is no bucket, or two places."""
    if settings.store_bucket and not _BUCKET.fullmatch(settings.store_bucket):
        raise InvalidSetting(
            f"Setting store_bucket = {settings.store_bucket!r} cannot be used: write it as s3://bucket or "
            "s3://bucket/prefix, in lower-case letters, digits, dots and hyphens."
        )
    if settings.store_bucket and settings.store_dir is not None:
        raise InvalidSetting("Settings store_bucket and store_dir are two document stores. Name one of them.")
    if settings.store_endpoint:
        parts = urlsplit(settings.store_endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.path.strip("/"):
            # Not repeated: whoever writes a password there is told nothing that a log may keep.
            raise InvalidSetting(
                "Setting store_endpoint cannot be used: write it as https://host or https://host:port. What logs in "
                "there belongs into store_credentials_file."
            )


def _typed(key: str, kind: str, value: Any) -> Any:
    try:
        if "Path" in kind:
            path = Path(value)
            if not path.is_absolute():
                raise ValueError("it must be an absolute path")
            return path
        if "str" in kind:
            if not isinstance(value, str):
                raise TypeError("it must be text, in quotation marks")
            if value not in (among := _CHOICES.get(key, (value,))):
                raise ValueError(f"it must be one of {', '.join(among)}")
            return value
        if "bool" in kind:
            return _yes_or_no(value)
        number: int | float = float(value) if "float" in kind else int(value)
        # int() cuts off what follows the point, and takes true for 1.
        if isinstance(value, bool) or (not isinstance(value, str) and number != value):
            raise TypeError("it must be a whole number")
        if not 0 < number < math.inf:
            raise ValueError("it must be greater than 0")
        return number
    except (TypeError, ValueError) as error:
        raise InvalidSetting(f"Setting {key} = {value!r} cannot be used: {error}.") from error


def _yes_or_no(value: Any) -> bool:
    said = str(value).lower()
    if isinstance(value, bool | str) and said in ("true", "false"):
        return said == "true"
    raise ValueError("it must be true or false")


def to_toml(table: Mapping[str, str | float | Path | list[str]]) -> str:
    """A settings file with these keys. Numbers stay numbers; everything else is written as text."""
    return "".join(f"{key} = {_toml_value(value)}\n" for key, value in table.items())


def _toml_value(value: str | float | Path | list[str]) -> str:
    if isinstance(value, list):
        return f"[{', '.join(_toml_value(each) for each in value)}]"
    if isinstance(value, int | float):
        return str(value).lower()
    # A basic string of TOML 1.0 takes JSON's escapes.
    return json.dumps(str(value), ensure_ascii=False)
