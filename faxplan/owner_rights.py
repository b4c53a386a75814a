"""Root at work in the folders of another account, such as FreeSWITCH's: with that account's rights, and no others.

Whoever owns a folder may turn any name in it into a link between two looks at it. With the owner's own rights such a
link leads root nowhere that its owner does not get to by itself.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """What is done inside is done by the owner's rights, where we are root; else, and where there is no such folder,
    nothing changes. Of a link its own owner counts. They are the whole process's meanwhile: for commands, which have
    one thread."""
    try:
        owner = folder.lstat()
    except FileNotFoundError:
        yield
        return
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    groups, own_group = os.getgroups(), os.getegid()
    os.setgroups([owner.st_gid])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(own_group)
        os.setgroups(groups)
