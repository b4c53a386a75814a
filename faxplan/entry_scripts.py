"""FreeSWITCH's entry scripts and their loader (conf/scripts, in its script_dir): whether it runs those of a release.

FreeSWITCH loads them once. They are not exchanged while it runs: the loader is what counts the scripts that run in each
release, and a call that is in the old one's hands ends there (docs/decisions/releases-in-the-switch.md).
"""

import hashlib
from pathlib import Path

from faxplan.errors import SwitchUnavailable
from faxplan.guard import Asked

_SECONDS = 10.0


def digest(folder: Path, names: list[str]) -> str | None:
    """As faxplan_releases.py makes it of itself as it is loaded. None: not all of them are there, or to be read."""
    found = hashlib.sha256()
    try:
        for name in names:
            content = (folder / name).read_bytes()
            found.update(f"{name} {len(content)}\n".encode() + content)
    except OSError:
        return None
    return found.hexdigest()


def older(switch: Asked, shipped: Path) -> str | None:
    """What is to be done so that FreeSWITCH runs those of a release, in sentences; None: it does, or nobody knows.
    shipped: that release's share/faxplan."""
    scripts = shipped / "conf" / "scripts"
    names = sorted(path.name for path in scripts.glob("*.py"))
    wanted = digest(scripts, names)
    if not names or wanted is None:
        return None
    try:
        if switch.api("python fax_queue::loader", _SECONDS).strip() == f"+OK {wanted}":
            return None
        folder = switch.api("global_getvar script_dir", _SECONDS).strip()
    except SwitchUnavailable:
        return None
    restart = "restart FreeSWITCH at a quiet time: `fsctl shutdown elegant restart` in fs_cli waits for its calls"
    if folder.startswith("/") and digest(Path(folder), names) == wanted:
        return (
            f"FreeSWITCH runs other entry scripts than lie in {folder}, which are this release's. It goes on with "
            f"those that it has loaded, and takes these when it starts; {restart}."
        )
    return (
        f"The entry scripts in {folder or 'FreeSWITCH'} are not this release's. `faxplan install` lays them there; "
        f"then {restart}. Until then it goes on with those that it has loaded."
    )
