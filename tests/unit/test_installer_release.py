"""Which release `faxplan install` installs, and what it says where it runs from none; how releases go at the end."""

import json
import sys
from pathlib import Path

import pytest

import faxplan
from faxplan import install_manifest, installer, shipped
from faxplan.install_manifest import Manifest
from faxplan.install_plan import PREFIX
from faxplan.install_tree import InstallRefused, Tree
from tests.switch_trees import vendor
from tests.unit.test_installer import install, uninstall

PROJECT = Path(__file__).parents[2]
WHEEL = f"faxplan-{faxplan.__version__}-py3-none-any.whl"


def release(prefix: Path, version: str) -> Path:
    made = prefix / "releases" / version
    (made / "bin").mkdir(parents=True)
    (made / "bin" / "faxplan").touch()
    return made


def refusal(prefix: Path) -> str:
    with pytest.raises(InstallRefused) as refused:
        installer.release_of(Tree(), prefix)
    return str(refused.value)


def test_a_checkout_says_how_a_release_is_made(tmp_path: Path) -> None:
    said = refusal(tmp_path)
    assert f"`make dist` writes the wheel into dist/. `sh {PROJECT}/install/release.sh dist/{WHEEL}" in said
    assert f"--prefix {tmp_path}`" in said
    assert "apt-get install ./faxplan_*.deb" in said
    assert "--prefix" not in refusal(PREFIX)


def test_an_environment_of_the_wheel_has_the_script_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "folder", lambda: Path("/opt/mine/share/faxplan"))
    said = refusal(tmp_path)
    assert f"`sh /opt/mine/share/faxplan/install/release.sh {WHEEL} --prefix {tmp_path}` makes a release" in said
    assert "make dist" not in said


def test_where_the_release_is_there_already_it_is_named(tmp_path: Path) -> None:
    made = release(tmp_path, faxplan.__version__)
    assert refusal(tmp_path).endswith(f"There is such a release: run {made}/bin/faxplan install")


def test_a_release_does_not_install_itself_while_another_is_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(tmp_path, "0.1.0")
    newer = release(tmp_path, "0.2.0")
    for path in (tmp_path, tmp_path / "releases"):
        path.chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(newer))
    assert installer.release_of(Tree(), tmp_path) == newer
    current = tmp_path / "current"
    current.symlink_to("releases/0.1.0")
    assert f"ln -sfn releases/0.2.0 {current}" in refusal(tmp_path)
    install_manifest.save(Tree(), tmp_path / "install.json", Manifest())
    assert f"{current}/bin/faxplan upgrade 0.2.0" in refusal(tmp_path)
    current.unlink()
    current.symlink_to("releases/0.2.0")
    assert installer.release_of(Tree(), tmp_path) == newer


@pytest.mark.parametrize("packaged", [True, False])
def test_uninstall_says_how_the_releases_go(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *, packaged: bool
) -> None:
    tree = vendor(tmp_path)
    if packaged:
        tree.write("/var/lib/dpkg/info/faxplan.prerm", "")
    install(tree)
    capsys.readouterr()
    assert uninstall(tree, "--json") == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    remove = "apt-get remove faxplan" if packaged else f"rm -r {PREFIX}"
    assert f"releases stay in {PREFIX}/releases; to remove them: {remove}" in notes
