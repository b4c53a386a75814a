"""faxplan install and uninstall, on trees of files with a FreeSWITCH in them."""

import io
import json
import os
import re
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest

from faxplan import cli, cli_database, install_database, install_live, shipped
from faxplan.config import load
from faxplan.install_plan import DROP_IN, PREFIX, UNITS
from faxplan.install_tree import Tree
from faxplan.installation import LOGINS
from faxplan.machine_turn import machine_turn
from tests.switch_trees import SwitchTree, fusionpbx, source, vendor

LAYOUTS = pytest.mark.parametrize("layout", [vendor, source], ids=["vendor", "source"])
MANIFEST = "/usr/local/lib/faxplan/install.json"


def run(tree: SwitchTree, *words: str) -> int:
    return cli.main([*words, "--root", str(tree.root)])


def install(tree: SwitchTree, *more: str) -> int:
    return run(tree, "install", "--yes", *more)


def uninstall(tree: SwitchTree, *more: str) -> int:
    return run(tree, "uninstall", "--yes", *more)


@pytest.fixture
def tree(tmp_path: Path) -> SwitchTree:
    return vendor(tmp_path)


@LAYOUTS
def test_install_lays_all_and_uninstall_leaves_the_machine_as_it_was(
    layout: Callable[[Path], SwitchTree], tmp_path: Path
) -> None:
    tree = layout(tmp_path)
    before = tree.picture()
    assert install(tree) == 0
    conf = tree.conf
    for path in (
        conf / "dialplan" / "faxplan.xml", conf / "sip_profiles" / "faxplan.xml", conf / "faxplan" / "vars.xml",
        conf / "faxplan" / "trunks_acl.xml", tree.scripts / "fax_in.py", tree.scripts / "faxplan_releases.py",
        Path("/etc/faxplan/faxplan.toml"), Path("/etc/cron.d/faxplan"),
        Path("/etc/systemd/system/faxplan-worker.service"),
        Path("/etc/systemd/system/freeswitch.service.d/faxplan.conf"), Path("/var/lib/faxplan/keys/mailer"),
    ):  # fmt: skip
        assert tree.at(path).exists(), path
    assert not tree.at(conf / "dialplan" / "faxplan_shared.xml").exists()
    modules = tree.read(conf / "autoload_configs" / "modules.conf.xml")
    assert re.findall(r"^    <load module=.*", modules, re.MULTILINE)[-1] == '    <load module="mod_python3"/>'
    assert uninstall(tree) == 0
    after = tree.picture()
    assert {name: each for name, each in after.items() if not name.startswith("var/lib")} == {
        name: each for name, each in before.items() if not name.startswith("var/lib")
    }
    # Faxes stay, until somebody says otherwise.
    assert "var/lib/faxplan/keys" in after


def test_a_second_installation_changes_nothing_and_says_so(
    tree: SwitchTree, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tree)
    before = tree.picture()
    times = {path: path.lstat().st_mtime_ns for path in tree.root.rglob("*")}
    capsys.readouterr()
    assert install(tree) == 0
    assert "nothing was changed" in capsys.readouterr().out
    assert tree.picture() == before
    assert {path: path.lstat().st_mtime_ns for path in tree.root.rglob("*")} == times


def test_a_dry_run_changes_nothing_and_prints_what_an_installation_does(
    tree: SwitchTree, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree.picture()
    assert run(tree, "install", "--dry-run") == 0
    would = capsys.readouterr().out
    assert tree.picture() == before
    assert '+    <load module="mod_python3"/>' in would
    install(tree, "--json")
    done = json.loads(capsys.readouterr().out)["done"]
    assert len(done) > 30
    assert [what for what in done if what not in would] == []


def test_files_of_others_are_changed_when_somebody_says_yes(
    tree: SwitchTree, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tree.picture()
    assert run(tree, "install") == 1
    assert "--no-edits" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    monkeypatch.setattr("builtins.input", lambda _: "n")
    assert run(tree, "install") == 1
    assert tree.picture() == before
    capsys.readouterr()
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert run(tree, "install") == 0
    shown = capsys.readouterr().out
    for line in ('+    <load module="mod_python3"/>', '+    <param name="startup-script" value="fax_queue"/>'):
        assert line in shown
    assert 'data="../faxplan/trunks_acl.xml"' in tree.read(tree.conf / "autoload_configs" / "acl.conf.xml")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_without_edits_no_file_of_others_changes_and_the_lines_are_told(
    tree: SwitchTree, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = tree.picture(tree.conf) | tree.picture("/etc/postgresql")
    assert run(tree, "install", "--no-edits") == 0
    told = capsys.readouterr().out
    now = tree.picture(tree.conf) | tree.picture("/etc/postgresql")
    assert {name: now.get(name) for name in theirs} == theirs
    for name in ("modules.conf.xml", "python.conf.xml", "acl.conf.xml", "pg_hba.conf", "pg_ident.conf"):
        assert re.search(rf"add by hand, to \S+{re.escape(name)}", told)


def test_uninstall_takes_its_lines_out_of_files_that_were_changed_since(tree: SwitchTree) -> None:
    folder = tree.conf / "autoload_configs"
    names = ("modules.conf.xml", "python.conf.xml", "acl.conf.xml")
    before = {name: tree.read(folder / name) for name in names}
    install(tree)
    for name in names:
        text = tree.read(folder / name)
        tree.write(folder / name, text.replace("<configuration", "<!-- mine -->\n<configuration"))
    assert uninstall(tree) == 0
    for name in names:
        assert tree.read(folder / name) == before[name].replace("<configuration", "<!-- mine -->\n<configuration")


def test_a_line_that_was_indented_anew_goes_and_one_that_is_gone_is_no_error(tree: SwitchTree) -> None:
    folder = tree.conf / "autoload_configs"
    modules, python = folder / "modules.conf.xml", folder / "python.conf.xml"
    before, python_before = tree.read(modules), tree.read(python)
    install(tree)
    tree.write(
        modules, tree.read(modules).replace('    <load module="mod_python3"/>', '\t<load module="mod_python3"/>')
    )
    tree.write(python, python_before)
    assert uninstall(tree) == 0
    assert tree.read(modules) == before
    assert tree.read(python) == python_before


def test_crlf_and_bytes_that_are_no_utf8_come_back(tree: SwitchTree) -> None:
    path = tree.at(tree.conf / "autoload_configs" / "modules.conf.xml")
    odd = path.read_bytes().replace(b"\n", b"\r\n").replace(b"long ago", b"l\xf6ng ago")
    odd = odd.replace(b"  </modules>", b"</modules>")
    path.write_bytes(odd)
    path.chmod(0o604)
    install(tree)
    assert b'    <load module="mod_python3"/>\r\n</modules>' in path.read_bytes()
    uninstall(tree)
    assert path.read_bytes() == odd
    assert path.stat().st_mode & 0o777 == 0o604


def test_what_somebody_has_loaded_before_is_not_ours_to_take_away(tree: SwitchTree) -> None:
    path = tree.conf / "autoload_configs" / "modules.conf.xml"
    tree.write(path, tree.read(path).replace("  </modules>", "    <load module='mod_python3' />\n  </modules>"))
    before = tree.read(path)
    install(tree)
    assert tree.read(path) == before
    uninstall(tree)
    assert tree.read(path) == before


def test_a_changed_file_of_ours_is_kept_and_the_new_one_lies_beside_it_once(
    tree: SwitchTree, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    install(tree)
    settings, cron = "/etc/faxplan/faxplan.toml", "/etc/cron.d/faxplan"
    dialplan = tree.conf / "dialplan" / "faxplan.xml"
    mine = tree.read(settings) + "max_channels = 7\n"
    tree.write(settings, mine)
    tree.write(dialplan, tree.read(dialplan) + "<!-- mine -->\n")
    before = tree.picture()
    assert install(tree) == 0
    assert "changed since it was laid" in capsys.readouterr().out
    # What we lay has not changed: nothing is there to compare with.
    assert tree.picture() == before

    changed = {"dialplan/faxplan.xml": "a newer dialplan", "cron.d/faxplan": "newer"}
    newer = newer_release(tmp_path_factory.mktemp("newer"), changed)
    monkeypatch.setattr(shipped, "folder", lambda: newer)
    assert install(tree) == 0
    assert f"{dialplan}.faxplan-new" in capsys.readouterr().out
    assert tree.read(f"{dialplan}.faxplan-new") == "a newer dialplan"
    assert tree.read(dialplan).endswith("<!-- mine -->\n")
    assert tree.read(cron) == "newer"
    assert tree.read(settings) == mine
    before = tree.picture()
    assert install(tree) == 0
    assert tree.picture() == before

    uninstall(tree)
    assert not tree.at(dialplan).exists()
    assert not tree.at(f"{dialplan}.faxplan-new").exists()
    # A copy of what somebody has written stays.
    assert tree.read(f"/usr/local/lib/faxplan/kept{settings}") == mine
    assert tree.read(f"/usr/local/lib/faxplan/kept{dialplan}").endswith("<!-- mine -->\n")


def newer_release(folder: Path, changed: dict[str, str]) -> Path:
    """What a later release ships."""
    for path in (shipped.folder() / "conf").rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            target = folder / "conf" / path.relative_to(shipped.folder() / "conf")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    for name, text in changed.items():
        (folder / "conf" / name).write_text(text)
    return folder


def test_a_file_of_the_same_name_that_was_there_before_is_neither_overwritten_nor_removed(tree: SwitchTree) -> None:
    path = tree.conf / "dialplan" / "faxplan.xml"
    tree.write(path, "laid by hand")
    install(tree)
    assert tree.read(path) == "laid by hand"
    assert 'context name="faxplan"' in tree.read(f"{path}.faxplan-new")
    uninstall(tree)
    assert tree.read(path) == "laid by hand"
    assert not tree.at(f"{path}.faxplan-new").exists()


def count_writes(monkeypatch: pytest.MonkeyPatch, tree: SwitchTree, allowed: int | None) -> list[Path]:
    """Which writes an installation makes; one more than `allowed` ends it, as a crash would."""
    made: list[Path] = []

    def counted(name: str) -> None:
        plain = getattr(Tree, name)

        def write(self: Tree, path: Path, *rest: object) -> None:
            if allowed is not None and len(made) >= allowed:
                raise KeyboardInterrupt
            made.append(path)
            plain(self, path, *rest)

        monkeypatch.setattr(Tree, name, write)

    for name in ("write", "rewrite", "link", "make_folder"):
        counted(name)
    return made


def test_an_installation_that_was_interrupted_anywhere_is_finished_by_the_next_or_taken_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = vendor(tmp_path / "whole")
    untouched = whole.picture()
    with monkeypatch.context() as patched:
        made = count_writes(patched, whole, None)
        install(whole)
    finished = without_state(whole)
    for allowed in range(0, len(made), 7):
        tree = vendor(tmp_path / f"after-{allowed}")
        with monkeypatch.context() as patched:
            count_writes(patched, tree, allowed)
            assert install(tree) == cli.INTERRUPTED
        if allowed % 2:
            assert install(tree) == 0
            assert without_state(tree) == finished
        if tree.at(MANIFEST).exists():
            assert uninstall(tree) == 0
        else:
            assert allowed <= 1
        assert without_state(tree) == {name: each for name, each in untouched.items() if not name.startswith("var")}


def without_state(tree: SwitchTree) -> dict[str, tuple[str, bytes]]:
    return {name: each for name, each in tree.picture().items() if not name.startswith("var")}


def test_what_a_killed_installation_left_half_written_is_swept(tree: SwitchTree) -> None:
    install(tree)
    folder = tree.at(tree.conf / "dialplan")
    left = folder / ".faxplan.xml.4194999-00ff00ff00ff00ff.partial"
    left.write_text("half")
    uninstall(tree)
    assert not left.exists()


def test_everything_that_is_missing_is_told_at_once_with_its_package(
    tree: SwitchTree, capsys: pytest.CaptureFixture[str]
) -> None:
    tree.at("/usr/bin/gs").unlink()
    tree.at("/usr/bin/bwrap").unlink()
    tree.at("/usr/lib/postgresql/15/bin/postgres").unlink()
    tree.at(tree.mods / "mod_spandsp.so").unlink()
    tree.at("/usr/lib/python3/dist-packages/freeswitch.py").unlink()
    before = tree.picture()
    assert install(tree) == 1
    told = capsys.readouterr().err
    for package in ("ghostscript", "bubblewrap", "postgresql", "freeswitch-mod-spandsp", "freeswitch-mod-python3"):
        assert f"apt-get install {package}" in told
    assert "apt-get install bubblewrap freeswitch-mod-python3 freeswitch-mod-spandsp ghostscript postgresql" in told
    assert tree.picture() == before
    # With a PostgreSQL elsewhere none is wanted here.
    install(tree, "--database-url", "postgresql://db.example/faxplan")
    assert "apt-get install postgresql" not in capsys.readouterr().err


@pytest.mark.parametrize("made", [fusionpbx, source])
def test_no_package_is_named_for_a_freeswitch_that_was_built(
    made: Callable[[Path], SwitchTree], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As FusionPBX's installer does it, in /usr: the vendor's packages would lay another FreeSWITCH over it."""
    tree = made(tmp_path)
    tree.at(tree.mods / "mod_python3.so").unlink()
    tree.at("/usr/lib/python3/dist-packages/freeswitch.py").unlink()
    assert install(tree) == 1
    told = capsys.readouterr().err
    assert told.count("make mod_python3-install") == 2
    assert "apt-get" not in told


def test_a_module_for_another_python_is_told(tree: SwitchTree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.write(tree.mods / "mod_python3.so", "ELF libpython3.99.so.1.0")
    assert install(tree) == 1
    assert "python3.99 -m venv" in capsys.readouterr().err


def test_a_box_without_freeswitch_is_told(tree: SwitchTree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.at("/usr/bin/freeswitch").unlink()
    assert install(tree) == 1
    assert "There is no FreeSWITCH here" in capsys.readouterr().err


def test_the_ports_of_other_profiles_are_left_to_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = vendor(tmp_path, external=5090)
    install(tree)
    text = tree.read(tree.conf / "faxplan" / "vars.xml")
    assert 'data="faxplan_sip_port=5092"' in text
    assert 'data="faxplan_tls_port=5093"' in text
    assert run(tree, "install", "--yes", "--sip-port", "5089") == 1
    assert "5090 is another SIP profile's" in capsys.readouterr().err


def test_addresses_and_settings_are_what_was_said_and_are_remembered(tree: SwitchTree) -> None:
    install(tree, "--sip-ip", "192.0.2.7", "--external-ip", "198.51.100.7", "--sip-port", "5070", "--shared")
    text = tree.read(tree.conf / "faxplan" / "vars.xml")
    outside = "198.51.100.7"
    for setting in (
        "sip_ip=192.0.2.7",
        "sip_port=5070",
        "tls_port=5071",
        f"ext_rtp_ip={outside}",
        f"ext_sip_ip={outside}",
    ):
        assert f'data="faxplan_{setting}"' in text
    assert tree.at(tree.conf / "dialplan" / "faxplan_shared.xml").exists()
    before = tree.picture()
    assert install(tree) == 0
    assert tree.picture() == before
    settings = load(tree.at("/etc/faxplan/faxplan.toml"), {})
    assert settings.gateway_dir == tree.conf / "sip_profiles" / "faxplan"
    assert settings.acl_file == tree.conf / "faxplan" / "trunks_acl.xml"
    assert settings.event_socket == "127.0.0.1:8021"
    assert tree.read("/etc/faxplan/event_socket_password") == "a secret of this box\n"
    assert tree.at("/etc/faxplan/event_socket_password").stat().st_mode & 0o777 == 0o640


def test_what_faxplan_writes_later_goes_too_and_what_others_wrote_stays(tree: SwitchTree) -> None:
    install(tree)
    gateways = tree.conf / "sip_profiles" / "faxplan"
    tree.write(gateways / "carrier.xml", "<gateway/>")
    tree.write(gateways / ".unfinished", "carrier")
    tree.write(tree.conf / "faxplan" / "trunks_acl.xml", "<include>192.0.2.10</include>")
    tree.write(tree.scripts / "__pycache__" / "fax_in.cpython-311.pyc", "compiled")
    tree.write(tree.conf / "faxplan" / "notes.txt", "somebody's")
    uninstall(tree)
    assert not tree.at(gateways).exists()
    assert not tree.at(tree.scripts / "__pycache__").exists()
    assert [path.name for path in tree.at(tree.conf / "faxplan").iterdir()] == ["notes.txt"]


def test_who_runs_freeswitch_is_whom_units_and_logins_name(tmp_path: Path) -> None:
    tree = fusionpbx(tmp_path, bindings="directory,languages")
    assert install(tree) == 0
    assert "User=www-data\nGroup=www-data" in tree.read("/etc/systemd/system/faxplan-worker.service")
    assert "uid=www-data,gid=www-data" in tree.read("/etc/systemd/system/var-lib-faxplan-spool.mount")
    assert "* * * * * www-data timeout" in tree.read("/etc/cron.d/faxplan")
    assert "User=faxplan-admin" in tree.read("/etc/systemd/system/faxplan-administration.service")
    assert "/^(root|www\\-data)$" in tree.read("/etc/postgresql/15/main/pg_ident.conf")
    modules = tree.read(tree.conf / "autoload_configs" / "modules.conf.xml")
    loaded = re.findall(r'^    <load module="(\w+)"', modules, re.MULTILINE)
    assert loaded[-2:] == ["mod_tone_stream", "mod_python3"]


def test_logins_are_those_that_database_create_tells_of(tree: SwitchTree) -> None:
    lines = install_database.login_lines(Tree(tree.root), install_database.LOCAL_URL, "freeswitch")
    advice = cli_database._ADVICE.format(database="faxplan", logins=",".join(LOGINS))
    told = [line.split() for line in advice.splitlines() if line.startswith("    ")]
    ours = [line.split() for each in lines for line in each.edit.line.splitlines()]
    assert sorted(ours) == sorted(told)


def test_postgresql_lets_our_roles_in_above_all_others_and_forgets_them(tree: SwitchTree) -> None:
    hba, ident = "/etc/postgresql/15/main/pg_hba.conf", "/etc/postgresql/15/main/pg_ident.conf"
    before = tree.read(hba), tree.read(ident)
    install(tree)
    lines = [line for line in tree.read(hba).splitlines() if not line.startswith("#")]
    assert lines[0].endswith("peer map=faxplan")
    # Each line of a file that did not end in a line end stands alone all the same.
    assert all(line.count("faxplan_") == 1 for line in tree.read(ident).splitlines()[1:])
    uninstall(tree)
    assert (tree.read(hba), tree.read(ident)) == before


def test_another_machines_manifest_is_not_obeyed(tree: SwitchTree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.write(MANIFEST, "{")
    assert install(tree) == 1
    assert "cannot be understood" in capsys.readouterr().err
    tree.at(MANIFEST).unlink()
    assert uninstall(tree) == 1
    assert "Nothing is installed here" in capsys.readouterr().err


def test_purging_data_takes_the_faxes_too(tree: SwitchTree) -> None:
    install(tree)
    tree.write("/var/lib/faxplan/store/1/fax", "sealed")
    uninstall(tree, "--purge-data")
    assert not tree.at("/var/lib/faxplan").exists()


def test_beside_fusionpbx_faxes_get_a_switch_of_their_own_and_nothing_of_its_is_touched(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = fusionpbx(tmp_path)
    before = tree.picture()
    theirs = tree.picture("/etc/freeswitch") | tree.picture("/usr/share/freeswitch")
    assert install(tree) == 0
    assert "mod_lua answers for its configuration and dialplan" in capsys.readouterr().out
    assert tree.picture("/etc/freeswitch") | tree.picture("/usr/share/freeswitch") == theirs
    unit = tree.read("/etc/systemd/system/faxplan-switch.service")
    assert "User=faxplan\n" in unit
    assert "ExecStart=/usr/bin/freeswitch -nf -nc -nonat -np -conf /etc/faxplan/freeswitch " in unit
    assert not tree.at("/etc/systemd/system/freeswitch.service.d").exists()
    assert "Before=faxplan-switch.service" in tree.read("/etc/systemd/system/var-lib-faxplan-spool.mount")
    settings = load(tree.at("/etc/faxplan/faxplan.toml"), {})
    assert settings.gateway_dir == Path("/etc/faxplan/freeswitch/sip_profiles/faxplan")
    assert settings.event_socket == "127.0.0.1:8022"
    password = tree.read("/etc/faxplan/event_socket_password").strip()
    assert len(password) > 20
    assert f'value="{password}"' in tree.read("/etc/faxplan/freeswitch/autoload_configs/event_socket.conf.xml")
    assert 'data="faxplan_sip_port=5090"' in tree.read("/etc/faxplan/freeswitch/faxplan/vars.xml")

    laid = tree.picture()
    assert install(tree) == 0
    assert tree.picture() == laid
    uninstall(tree)
    assert without_state(tree) == {name: each for name, each in before.items() if not name.startswith("var")}


def test_an_own_switch_takes_no_udp_ports_of_the_pbx(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = fusionpbx(tmp_path)
    ports = '<param name="rtp-start-port" value="10000"/>\n<param name="rtp-end-port" value="20000"/>'
    tree.write(tree.conf / "autoload_configs" / "switch.conf.xml", f"<configuration>{ports}</configuration>")
    assert install(tree) == 1
    assert "10000 to 20000" in capsys.readouterr().err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder to somebody")
def test_a_state_folder_of_somebody_else_is_told_of(tree: SwitchTree, capsys: pytest.CaptureFixture[str]) -> None:
    tree.at("/var/lib/faxplan").mkdir()
    os.chown(tree.at("/var/lib/faxplan"), 33, 33)
    before = tree.picture()
    assert install(tree) == 1
    assert "chown -R freeswitch:freeswitch /var/lib/faxplan" in capsys.readouterr().err
    assert tree.picture() == before


def test_a_link_in_place_of_our_folder_leads_uninstall_nowhere(tree: SwitchTree) -> None:
    install(tree)
    gateways = tree.at(tree.conf / "sip_profiles" / "faxplan")
    gateways.rmdir()
    tree.write("/root/mine.xml", "<mine/>")
    tree.write("/root/.profile", "mine")
    gateways.symlink_to(tree.at("/root"))
    assert uninstall(tree) == 0
    assert tree.read("/root/mine.xml") == "<mine/>"
    assert tree.read("/root/.profile") == "mine"


def test_two_at_once_do_not_meet(tree: SwitchTree, capsys: pytest.CaptureFixture[str]) -> None:
    install(tree)
    before = tree.picture()
    with machine_turn(tree.at(PREFIX), "faxplan upgrade 0.2.0"):
        assert uninstall(tree) == 3
        assert install(tree, "--sip-port", "5099") == 3
    told = capsys.readouterr().err
    assert len(re.findall(r"faxplan upgrade 0\.2\.0, process \d+, since \d{4}-.* UTC, is at work here", told)) == 2
    assert tree.picture() == before


def test_a_link_that_an_upgrade_has_turned_stays(tree: SwitchTree, capsys: pytest.CaptureFixture[str]) -> None:
    install(tree)
    current = tree.at("/usr/local/lib/faxplan/current")
    current.unlink()
    current.symlink_to(f"releases/{version('faxplan')}")
    capsys.readouterr()
    assert install(tree) == 0
    assert "stays so" not in capsys.readouterr().out
    current.unlink()
    current.symlink_to("releases/9.9.9")
    assert install(tree) == 0
    assert "leads to releases/9.9.9, and stays so" in capsys.readouterr().out
    uninstall(tree)
    assert not current.is_symlink()


def test_freeswitch_no_longer_asks_for_the_mounts_when_they_are_stopped(
    tree: SwitchTree, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One whose drop-in requires them, as older ones did, would be stopped by systemd with all its calls."""
    install(tree)
    manifest = json.loads(tree.read(MANIFEST))
    tree.at(MANIFEST).write_text(json.dumps({**manifest, "units": list(UNITS)}))
    told: list[tuple[tuple[str, ...], bool]] = []

    def systemctl(*words: str) -> str:
        told.append((words, tree.at(DROP_IN).exists()))
        return ""

    monkeypatch.setattr(install_live, "systemd_runs", lambda _: True)
    monkeypatch.setattr(install_live, "systemctl", systemctl)
    assert uninstall(tree) == 0
    (stopping,) = [number for number, (words, _) in enumerate(told) if {*words} & {*UNITS[:2]}]
    assert told[stopping - 1] == (("daemon-reload",), False)
    assert {*UNITS} <= {word for words, _ in told for word in words}
