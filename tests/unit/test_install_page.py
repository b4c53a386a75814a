"""docs/install-on-freeswitch.md: who may log in; and its last chapter takes away all that the others put there."""

import re
from pathlib import Path, PurePosixPath

import pytest

from faxplan import cli_database
from faxplan.installation import LOGINS

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


@pytest.mark.parametrize("page", ["install-on-freeswitch.md", "upgrade.md", "start.md"])
def test_a_release_has_others_packages_in_the_versions_that_it_was_tried_with(page: str) -> None:
    """`faxplan upgrade` makes the next one so; FreeSWITCH, with others loaded, could not take it as it runs."""
    text = (PAGE.parent / page).read_text()
    assert not re.search(r"^ *\S*pip3? install ", text, re.MULTILINE)


ADVICE = cli_database._ADVICE.format(database="faxplan", logins=",".join(LOGINS))


@pytest.mark.parametrize("text", [PAGE.read_text(), ADVICE], ids=["the page", "what `database create` says"])
def test_every_role_that_logs_in_is_let_in_and_those_of_root_to_nobody_else(text: str) -> None:
    (let_in,) = re.findall(r"^    local   faxplan  (\S+)  peer map=faxplan$", text, re.MULTILINE)
    assert set(let_in.split(",")) == set(LOGINS)
    mapped = re.findall(r"^    faxplan  (\S+) +(faxplan_\w+)$", text, re.MULTILINE)
    assert {role for _, role in mapped} == set(LOGINS)
    assert {role for who, role in mapped if who == "root"} == {"faxplan_admin", "faxplan_purge", "faxplan_backup"}
    # The portal's administration, which no call runs as.
    assert {role for who, role in mapped if who == "faxplan-admin"} == {"faxplan_admin", "faxplan_portal"}
    assert {who for who, role in mapped if role == "faxplan_admin"} == {"root", "faxplan-admin"}
