"""Entry for the runtime (python.conf, startup-script) and for commands at fs_cli: `python fax_queue::alive`.

`python fax_queue::upgrade` takes another release; `python fax_queue::releases` lists those that this process needs,
`python fax_queue::loader` says which entry files it has loaded. All other commands are the release's.
"""

from collections.abc import Callable

import faxplan_releases

runtime = faxplan_releases.runtime
upgrade = faxplan_releases.upgrade
releases = faxplan_releases.releases
loader = faxplan_releases.loader


def __getattr__(name: str) -> Callable[..., None]:
    """mod_python3 asks for the function that a command names."""
    if name.startswith("_"):
        raise AttributeError(name)
    return faxplan_releases.led("fax_queue", name)
