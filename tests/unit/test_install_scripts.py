"""install/release.sh and provision.sh refuse what they cannot take; nginx gets the sample for its domain."""

import importlib.util
import re
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

from faxplan.config import Settings
from portal import __main__ as serving

PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def nginx_site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("nginx_site", PROJECT / "install" / "nginx_site.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nginx_gets_the_sample_for_its_domain(nginx_site: ModuleType) -> None:
    made = nginx_site.site("fax.example.org", "/etc/ssl/c.pem", "/etc/ssl/k.key")
    assert made.count("server_name fax.example.org *.fax.example.org;") == 2
    assert not re.search(r"fax\.example(?!\.org)", made)
    assert "ssl_certificate /etc/ssl/c.pem;" in made
    assert "ssl_certificate_key /etc/ssl/k.key;" in made
    assert "Strict-Transport-Security" in made
    assert "proxy_set_header Host $http_host;" in made


def test_on_localhost_no_browser_is_told_to_take_https_for_ever(nginx_site: ModuleType) -> None:
    assert "Strict-Transport-Security" not in nginx_site.site("localhost", "/c", "/k")


def ran(script: str, *arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [PROJECT / "install" / script, *arguments], capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "WHEEL [--prefix DIR]"),
        (("a.whl", "b.whl"), 2, "WHEEL [--prefix DIR]"),
        (("nowhere.whl",), 1, "`make dist` writes the wheel"),
        ((str(PROJECT / "LICENSE"),), 1, "is no wheel of Faxplan"),
        ((str(PROJECT / "LICENSE"), "--prefix", "here"), 1, "takes a whole path"),
    ],
)
def test_what_makes_no_release_is_refused(arguments: tuple[str, ...], code: int, words: str, tmp_path: Path) -> None:
    more = () if "--prefix" in arguments else ("--prefix", str(tmp_path / "prefix"))
    ended, said = ran("release.sh", *arguments, *more)
    assert (ended, words in said) == (code, True), said
    assert not (tmp_path / "prefix").exists()


@pytest.mark.parametrize(
    "name", ["faxplan--py3-none-any.whl", "faxplan-..-py3.whl", "faxplan-.-x.whl", "faxplan-x.whl"]
)
def test_a_wheel_whose_name_has_no_version_touches_no_release(tmp_path: Path, name: str) -> None:
    there = tmp_path / "prefix" / "releases" / "0.1.0"
    there.mkdir(parents=True)
    (tmp_path / name).write_text("no wheel at all")
    ended, said = ran("release.sh", str(tmp_path / name), "--prefix", str(tmp_path / "prefix"))
    assert there.is_dir()
    assert (ended, "is no wheel of Faxplan" in said) == (1, True), said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--source", "/nowhere"), "is no checkout of Faxplan"),
        (("--domain",), "takes a value"),
        (("--domian", "fax.example"), "is none of --source"),
        (("--domain", "fax example; rm"), "is no domain name"),
        (("--user", "nobody-is-called-so"), "there is no account"),
    ],
)
def test_provisioning_looks_first(arguments: tuple[str, ...], words: str) -> None:
    ended, said = ran("provision.sh", *arguments)
    # Who is not root is told so before.
    assert ended == 1
    assert words in said or "run it as root" in said


def test_vagrant_calls_it_and_shows_the_token_to_nobody() -> None:
    text = (PROJECT / "Vagrantfile").read_text()
    (call,) = re.findall(r"config\.vm\.provision .*?(?=\nend)", text, re.DOTALL)
    (script,) = re.findall(r'path: "([^"]+)"', call)
    assert (PROJECT / script).stat().st_mode & 0o111
    (arguments,) = re.findall(r"args: \[(.*?)\]", call)
    options = (PROJECT / script).read_text()
    assert all(f"{each}) " in options for each in re.findall(r'"(--[a-z]+)"', arguments))
    assert "TOKEN" not in arguments
    assert 'env: { "SIGNALWIRE_TOKEN"' in call


def test_the_portal_opens_no_control_socket() -> None:
    server = serving._Server(Settings(database_url="postgresql:///x"), serving.Part.USERS)
    assert server.cfg.control_socket_disable is True
