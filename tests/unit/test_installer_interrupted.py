"""What meets an installation or its end half-way: another one, a failure, and what FreeSWITCH's account has planted."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from faxplan import install_owner, install_removal, install_switch, installer
from faxplan.install_edits import added, at_the_end, at_the_top
from faxplan.install_tree import InstallRefused, Tree
from tests.switch_trees import SwitchTree, vendor
from tests.unit.test_installer import MANIFEST, install, uninstall


@pytest.fixture
def tree(tmp_path: Path) -> SwitchTree:
    return vendor(tmp_path)


def test_one_that_waited_for_an_answer_does_not_forget_what_another_has_done(tree: SwitchTree) -> None:
    before = {name: each for name, each in tree.picture().items() if not name.startswith("var/lib")}
    waits = installer.Installer(installer.Wanted(root=tree.root))
    assert waits.edits()
    assert install(tree) == 0
    noted = tree.read(MANIFEST)
    with pytest.raises(InstallRefused, match="Run this again"):
        waits.install(with_edits=True, start=True, say=lambda _: None)
    assert tree.read(MANIFEST) == noted
    assert uninstall(tree) == 0
    assert {name: each for name, each in tree.picture().items() if not name.startswith("var/lib")} == before


def test_a_purge_that_failed_can_be_done_again(tree: SwitchTree, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tree)
    tree.write("/var/lib/faxplan/store/1/fax", "sealed")

    def fail(_tree: Tree) -> None:
        raise InstallRefused("the disk does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(install_removal, "purge_state", fail)
        assert uninstall(tree, "--purge-data") == 1
    assert tree.at("/var/lib/faxplan/store/1/fax").exists()
    assert uninstall(tree, "--purge-data") == 0
    assert not tree.at("/var/lib/faxplan").exists()
    assert not tree.at(MANIFEST).exists()


@pytest.mark.parametrize("name", [".git", "mine.xml"])
def test_a_folder_among_the_gateways_is_in_nobody_s_way(tree: SwitchTree, name: str) -> None:
    install(tree)
    folder = tree.at(tree.conf / "sip_profiles" / "faxplan" / name)
    folder.mkdir()
    tree.write(tree.conf / "sip_profiles" / "faxplan" / "gateway.xml", "<gateway/>")
    assert uninstall(tree) == 0
    assert [each.name for each in folder.parent.iterdir()] == [name]


def test_a_login_that_stands_in_a_comment_is_none() -> None:
    for make, lines in ((at_the_top, "local   faxplan  a  peer"), (at_the_end, "faxplan  root  a\nfaxplan  root  b")):
        edit = make(lines, "why") if make is at_the_top else at_the_end(lines, "why")
        assert not edit.is_there(f"# {lines}\nlocal all all peer\n")
        assert not edit.is_there(f"{lines}c\n")
        assert edit.is_there(f"# top\r\n  {lines.splitlines()[0]}  \r\n{lines.splitlines()[-1]}")
        assert edit.is_there(added("# x", edit)[0])


def test_a_link_that_is_turned_as_a_file_is_changed_leads_nowhere(
    tree: SwitchTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Whoever runs FreeSWITCH may write there, and root writes for it: from the look to the writing it is one file.
    modules = tree.at(tree.conf / "autoload_configs" / "modules.conf.xml")
    passwd = tree.at("/etc/passwd")
    before = passwd.read_bytes()
    rewrite = Tree.rewrite

    def turned(self: Tree, path: Path, *contents: bytes) -> None:
        if path.name == modules.name:
            modules.rename(modules.with_name("aside"))
            modules.symlink_to(passwd)
        rewrite(self, path, *contents)

    monkeypatch.setattr(Tree, "rewrite", turned)
    assert install(tree) == 1
    assert passwd.read_bytes() == before


def test_a_link_in_a_tree_leads_nothing_out_of_it(
    tree: SwitchTree, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    # As programs inside see it, the link leads elsewhere in the tree; here it leads to this machine's own.
    outside = tmp_path_factory.mktemp("this-machine")
    tree.at(tree.conf / "dialplan").rename(tree.root / "aside")
    tree.at(tree.conf / "dialplan").symlink_to(outside)
    assert install(tree) == 1
    assert f"leads out of {tree.root}" in capsys.readouterr().err
    assert list(outside.iterdir()) == []


def test_whose_process_it_is_is_not_what_its_command_line_says(tmp_path: Path) -> None:
    # A number that was left in freeswitch.pid may be another's by now; and FreeSWITCH's account may write any.
    (tmp_path / "run").mkdir()
    reads_its_log = [sys.executable, "-c", "import time; time.sleep(60)", "/var/log/freeswitch/freeswitch.log"]
    shutil.copy("/bin/sleep", tmp_path / "freeswitch")
    for command, alive in ((reads_its_log, False), ([str(tmp_path / "freeswitch"), "60"], True)):
        with subprocess.Popen(command) as process:
            try:
                (tmp_path / "run" / "freeswitch.pid").write_text(f"{process.pid}\n")
                assert install_owner.is_alive(Tree(), tmp_path / "run") is alive, command
            finally:
                process.kill()


def test_a_release_that_only_root_reads_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As pip makes it where root's umask is 077 or 027: FreeSWITCH's account would not get into it.
    release = tmp_path / "releases" / "0.1.0"
    site = release / "lib" / f"python3.{sys.version_info.minor}" / "site-packages" / "faxplan"
    site.mkdir(parents=True)
    tmp_path.chmod(0o755)
    (site / "__init__.py").touch(0o600)
    monkeypatch.setattr(sys, "prefix", str(release))
    with pytest.raises(InstallRefused, match=rf"chmod -R a\+rX,go-w {release}"):
        installer.release_of(Tree(), tmp_path)
    (site / "__init__.py").chmod(0o644)
    assert installer.release_of(Tree(), tmp_path) == release
    tmp_path.joinpath("releases").chmod(0o750)
    with pytest.raises(InstallRefused, match=rf"chmod a\+rx {tmp_path}/releases"):
        installer.release_of(Tree(), tmp_path)


def test_a_configuration_that_somebody_named_is_not_exchanged_for_another_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_switch, "_by_fs_cli", lambda: "conf_dir=/opt/pbx/conf\nmod_dir=/opt/pbx/mod\n")
    named = Path("/etc/freeswitch")
    assert install_switch.asked(None, named, named=False)["mod_dir"] == "/opt/pbx/mod"
    with pytest.raises(InstallRefused, match="configuration in /opt/pbx/conf, and not in /etc/freeswitch"):
        install_switch.asked(None, named, named=True)


@pytest.mark.parametrize("planted", ["a pipe", "a device", "a link to itself"])
def test_what_is_no_file_is_not_read(
    tree: SwitchTree, planted: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tree.at(tree.conf / "dialplan" / "faxplan.xml")
    path.parent.mkdir(exist_ok=True)
    if planted == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if planted == "a device" else path.name)
    # Reading either would have no end.
    plain = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda each: pytest.fail("read") if each == path else plain(each))
    assert install(tree) == 1
    assert "Move it out of the way" in capsys.readouterr().err


def without_state(found: dict[str, tuple[str, bytes]]) -> dict[str, tuple[str, bytes]]:
    return {name: each for name, each in found.items() if not name.startswith("var/lib")}


def test_where_the_configuration_is_not_there_nothing_is_forgotten(
    tree: SwitchTree, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a disk that is not mounted: what lies there would stay for ever."""
    before = tree.picture()
    install(tree)
    conf, away = tree.at(tree.conf), tree.at("/elsewhere")
    conf.rename(away)
    installed = tree.picture()
    assert uninstall(tree) == 1
    assert re.search(r"/etc/freeswitch, is not there, in which \d+ files have something", capsys.readouterr().err)
    assert tree.picture() == installed
    away.rename(conf)
    assert uninstall(tree) == 0
    assert without_state(tree.picture()) == without_state(before)


def test_what_was_removed_with_freeswitch_is_taken_off_by_force(tree: SwitchTree) -> None:
    before = tree.picture()
    install(tree)
    shutil.rmtree(tree.at(tree.conf))
    assert uninstall(tree, "--force") == 0
    gone = {name: each for name, each in before.items() if not name.startswith("etc/freeswitch")}
    assert without_state(tree.picture()) == without_state(gone)


LINKED = pytest.mark.parametrize("name", ["dialplan", "autoload_configs", "sip_profiles"])


def lead_elsewhere(tree: SwitchTree, name: str, to: str) -> None:
    """A folder of FreeSWITCH's configuration lies below /srv, and a link leads there."""
    link = tree.at(tree.conf) / name
    tree.at(f"/srv/{to}").parent.mkdir(exist_ok=True)
    if link.is_symlink():
        link.unlink()
    else:
        link.rename(tree.at(f"/srv/{to}"))
    link.symlink_to(Path("../../srv", to))


@LINKED
def test_folders_that_a_link_leads_to_are_as_they_were(tree: SwitchTree, name: str) -> None:
    lead_elsewhere(tree, name, name)
    before = tree.picture()
    assert install(tree) == 0
    assert tree.picture("/srv") != before
    assert uninstall(tree) == 0
    assert without_state(tree.picture()) == without_state(before)


@LINKED
def test_what_was_laid_where_a_link_led_is_found_when_it_leads_elsewhere(tree: SwitchTree, name: str) -> None:
    lead_elsewhere(tree, name, name)
    shutil.copytree(tree.at(f"/srv/{name}"), tree.at("/srv/other"))
    before = tree.picture()
    assert install(tree) == 0
    lead_elsewhere(tree, name, "other")
    assert uninstall(tree) == 0
    now, then = without_state(tree.picture()), without_state(before)
    # Faxplan's own folder for gateways lies where the link led; nobody else's is below it.
    for found in (now, then):
        found.pop(f"etc/freeswitch/{name}")
    assert now.keys() - then.keys() <= {f"srv/{name}/faxplan"}
    assert {each: now[each] for each in then} == then


def test_a_link_that_leads_nowhere_is_told_of(tree: SwitchTree, capsys: pytest.CaptureFixture[str]) -> None:
    lead_elsewhere(tree, "dialplan", "dialplan")
    tree.at("/srv/dialplan").rename(tree.at("/srv/away"))
    before = tree.picture()
    assert install(tree) == 1
    assert "/etc/freeswitch/dialplan leads to ../../srv/dialplan, which is not there" in capsys.readouterr().err
    assert tree.picture() == before


def test_faxes_that_a_link_leads_to_are_destroyed_when_that_is_said(tree: SwitchTree) -> None:
    """Nothing else would be what is said; the link and its folder are an administrator's."""
    disk = tree.at("/srv/faxes")
    disk.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(disk, 997, 996)
    tree.at("/var/lib/faxplan").symlink_to("../../srv/faxes")
    assert install(tree) == 0
    tree.write("/srv/faxes/store/1/fax", "sealed")
    assert uninstall(tree, "--purge-data") == 0
    assert list(disk.iterdir()) == []
    assert tree.at("/var/lib/faxplan").is_symlink()
