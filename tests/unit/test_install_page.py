"""docs/install-on-freeswitch.md: its last chapter takes away all that the others put onto a machine."""

import re
from pathlib import Path, PurePosixPath

PAGE = Path(__file__).parents[2] / "docs" / "install-on-freeswitch.md"


def put_there(text: str) -> set[str]:
    """The files and links that the page makes outside of /var/lib/faxplan, which stays."""
    found = set()
    for source, target in re.findall(r"^\| `(conf/[^`]+)` \| `(/[^`]+)` \|", text, re.MULTILINE):
        found.add(target + PurePosixPath(source).name if target.endswith("/") else target)
    found |= set(re.findall(r"^    ln -s \S+ (/\S+)$", text, re.MULTILINE))
    found |= set(re.findall(r"^    git clone \S.* (/\S+)$", text, re.MULTILINE))
    found |= set(re.findall(r"^    install .*? /dev/null (/\S+)$", text, re.MULTILINE))
    return found


def test_undo_names_all_that_was_put_there() -> None:
    installing, undo = re.split(r"^## \d+\. Undo$", PAGE.read_text(), flags=re.MULTILINE)
    taken_away = {PurePosixPath(each) for each in re.findall(r"/[\w./-]*\w", undo)} - {
        PurePosixPath("/var/lib/faxplan")
    }
    made = put_there(installing)
    assert {"/usr/local/bin/faxplan", "/etc/cron.d/faxplan", "/etc/faxplan/faxplan.toml"} <= made
    left = [each for each in made if not taken_away & {PurePosixPath(each), *PurePosixPath(each).parents}]
    assert left == []
