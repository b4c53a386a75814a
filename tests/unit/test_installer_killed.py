"""`faxplan install` and `faxplan uninstall`, killed before each change that they make, and said again."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.killed import HOW_MANY, changes, chosen, kill_before
from tests.switch_trees import SwitchTree, vendor
from tests.unit.test_installer import MANIFEST, install, uninstall

SEED = 8
Picture = dict[str, tuple[str, bytes]]


@pytest.fixture
def tree(tmp_path: Path) -> SwitchTree:
    # /etc/systemd/system/freeswitch.service.d and others are missing, and are made.
    return vendor(tmp_path / "tree")


def anew(tree: SwitchTree, kept: Path) -> None:
    """As it was when it was kept."""
    shutil.rmtree(tree.root)
    subprocess.run(["cp", "-a", kept, tree.root], check=True)


def keep(tree: SwitchTree, kept: Path) -> Path:
    # With owners.
    subprocess.run(["cp", "-a", tree.root, kept], check=True)
    return kept


@HOW_MANY
def test_an_installation_killed_anywhere_is_finished_by_the_next_and_taken_away_to_the_end(
    tree: SwitchTree, tmp_path: Path, some: int | None
) -> None:
    before, kept = tree.picture(), keep(tree, tmp_path / "kept")
    count = len(changes(lambda: install(tree)))
    installed = tree.picture()
    assert count > 60
    for number in chosen(count, some, SEED):
        anew(tree, kept)
        assert kill_before(lambda: install(tree), number)
        half = keep(tree, tmp_path / "half")
        assert install(tree) == 0, number
        assert tree.picture() == installed, number
        anew(tree, half)
        # Where nothing was noted yet nothing was done that is to be taken away.
        noted = tree.at(MANIFEST).exists()
        assert uninstall(tree) == (0 if noted else 1), number
        left = without_state(tree.picture())
        assert {name: each for name, each in left.items() if not is_of_manifest(name)} == without_state(before), number
        shutil.rmtree(half)


@HOW_MANY
def test_an_uninstallation_killed_anywhere_is_finished_by_the_next(
    tree: SwitchTree, tmp_path: Path, some: int | None
) -> None:
    before = tree.picture()
    assert install(tree) == 0
    # One that was changed since is put aside.
    (tree.at(tree.conf) / "dialplan" / "faxplan.xml").write_text("<include><!-- mine --></include>\n")
    installed, kept = tree.picture(), keep(tree, tmp_path / "kept")
    count = len(changes(lambda: uninstall(tree)))
    gone = tree.picture()
    assert count > 30
    assert "mine" in gone["usr/local/lib/faxplan/kept/etc/freeswitch/dialplan/faxplan.xml"][1].decode()
    assert gone.keys() >= before.keys()
    for number in chosen(count, some, SEED):
        anew(tree, kept)
        assert kill_before(lambda: uninstall(tree), number)
        if tree.at(MANIFEST).exists():
            half = keep(tree, tmp_path / "half")
            assert uninstall(tree) == 0, number
            assert tree.picture() == gone, number
            anew(tree, half)
            assert install(tree) == 0, number
            now, then = tree.picture(), installed
            changed = {name for name in now.keys() | then.keys() if now.get(name) != then.get(name)}
            # The manifest knows of more; what was put aside is there, and the file is laid anew, or as it was.
            assert changed <= {
                "usr/local/lib/faxplan/install.json", *(name for name in changed if "faxplan/kept" in name),
                "etc/freeswitch/dialplan/faxplan.xml", "etc/freeswitch/dialplan/faxplan.xml.faxplan-new",
            }, number  # fmt: skip
            shutil.rmtree(half)
        else:
            assert tree.picture() == gone, number


def is_of_manifest(name: str) -> bool:
    """What is left of the very first step, which goes with the next installation."""
    return name.startswith("usr/local/lib/faxplan/.install.json.")


def without_state(found: Picture) -> Picture:
    return {name: each for name, each in found.items() if not name.startswith("var/lib")}


def test_what_the_last_step_has_left_goes_though_nothing_else_is_to_be_done(tree: SwitchTree) -> None:
    assert install(tree) == 0
    installed = tree.picture()
    tree.write(f"{MANIFEST.rpartition('/')[0]}/.install.json.1-ab.partial", "{")
    assert install(tree) == 0
    assert tree.picture() == installed
