"""The database of an installation: made on this machine's PostgreSQL by its superuser account; who may log in there."""

import json
import re
import subprocess
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from faxplan.install_edits import at_the_end, at_the_top
from faxplan.install_plan import ADMINISTRATION, LineIn
from faxplan.install_tree import InstallRefused, Tree
from faxplan.installation import LOGINS

LOCAL_URL = "postgresql:///faxplan?host=/var/run/postgresql"
_SOCKETS = ("", "/var/run/postgresql", "/run/postgresql")
"""Where Debian's PostgreSQL listens; '' is libpq's own default."""
_CLUSTERS = Path("/etc/postgresql")
_SECONDS = 600


def is_local(url: str) -> bool:
    """Whether it is of this machine's own PostgreSQL, by its socket: no passwords, and we make it."""
    parts = urlsplit(url)
    return (parts.hostname or unquote(parse_qs(parts.query).get("host", [""])[0])) in _SOCKETS


def name_of(url: str) -> str:
    """The database's name. Raises InstallRefused."""
    parts = urlsplit(url)
    name = unquote(parts.path.lstrip("/"))
    if parts.scheme not in ("postgresql", "postgres") or not re.fullmatch(r"[a-z_][a-z0-9_]{0,50}", name):
        raise InstallRefused(
            f"{url!r} is no URL of a database, such as postgresql://db.example/faxplan (--database-url)."
        )
    return name


def login_lines(tree: Tree, url: str, user: str) -> tuple[LineIn, ...]:
    """What pg_hba.conf and pg_ident.conf of this machine's PostgreSQL must gain; nothing where it has none of Debian's.
    `user`: who runs FreeSWITCH."""
    folder = _cluster(tree)
    if folder is None or not is_local(url):
        return ()
    hba = f"local   {name_of(url)}  {','.join(LOGINS)}  peer map=faxplan"
    why = "our roles log in by the account of this machine that asks, without passwords"
    switch = f"/^(root|{re.escape(user)})$"
    ident = [f"faxplan  root  faxplan_{role}" for role in ("admin", "purge", "backup")]
    ident += [f"faxplan  {ADMINISTRATION}  faxplan_{role}" for role in ("admin", "portal")]
    ident += [f"faxplan  {switch}  faxplan_{role}" for role in ("portal", "switch", "worker", "metrics")]
    return (
        LineIn(folder / "pg_hba.conf", at_the_top(hba, why)),
        LineIn(folder / "pg_ident.conf", at_the_end("\n".join(ident), "which account may be which role")),
    )


def _cluster(tree: Tree) -> Path | None:
    """The configuration of the cluster at port 5432, else of the newest."""
    found = []
    for conf in tree.glob(_CLUSTERS, "*/*/postgresql.conf"):
        text = (tree.read(conf) or b"").decode(errors="replace")
        port = re.search(r"^\s*port\s*=\s*(\d+)", text, re.MULTILINE)
        version = conf.parts[3]
        found.append((port is None or port[1] == "5432", int(version) if version.isdigit() else 0, conf.parent))
    return max(found)[2] if found else None


def create(program: Path, name: str) -> bool:
    """Makes roles, database and tables as the account `postgres`, or brings them up to date; whether anything was done.
    `program`: our own, which that account can read. Raises InstallRefused."""
    made = _as_postgres([str(program), "database", "create", "--json", "--database", name])
    told = json.loads(made)
    return bool(told["created"] or told["applied"])


def reload_logins() -> None:
    """Has PostgreSQL read pg_hba.conf and pg_ident.conf again. Raises InstallRefused."""
    _as_postgres(["psql", "--no-psqlrc", "--quiet", "--tuples-only", "--command", "select pg_reload_conf()"])


def drop(name: str) -> None:
    """Destroys the database, whoever is connected. Roles belong to the server, and stay. Raises InstallRefused."""
    _as_postgres(["dropdb", "--if-exists", "--force", name])


def _as_postgres(command: list[str]) -> str:
    whole = ["runuser", "-u", "postgres", "--", *command]
    try:
        # Not our own folder, which that account may not enter.
        ended = subprocess.run(whole, cwd="/", capture_output=True, text=True, timeout=_SECONDS, check=False,
                               close_fds=False)  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InstallRefused(f"{' '.join(whole)}: {error}. Start PostgreSQL, and run this again.") from error
    if ended.returncode != 0:
        raise InstallRefused(
            f"{' '.join(whole)} failed: {ended.stderr.strip() or ended.stdout.strip()} Mend that, and run this again."
        )
    return ended.stdout
