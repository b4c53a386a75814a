"""Makes a Debian package of the wheel: `make deb`.

    .venv/bin/python install/make_deb.py dist/faxplan-0.1.0-py3-none-any.whl dist

The package has the wheel, those of all that it depends on (at the versions of requirements.lock), and release.sh: with
that its postinst makes a release of them, without a network or a compiler. It is for the Debian that it is made on, as
psycopg2 is built here and machine code is good for one Python (docs/decisions/debian-package.md). With the same wheel,
the same toolchain and SOURCE_DATE_EPOCH the bytes are the same.
"""

import gzip
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from email.utils import formatdate
from pathlib import Path
from zipfile import ZipFile

from faxplan.install_needs import PACKAGES

PROJECT = Path(__file__).parents[1]
SCRIPTS = PROJECT / "install" / "deb"
_WHEEL = re.compile(r"faxplan-(?P<version>[^-]+)-py3-none-any\.whl")
_CODE = "psycopg2"
"""Is built here, against Debian's libpq: its ready-made wheel brings a second OpenSSL into FreeSWITCH."""
_MAINTAINER = "Faxplan maintainers <maintainers@faxplan.invalid>"
_HOMES = ("homepage", "source", "source code", "repository", "github", "code")
_PURPOSE = """Description: fax server that lives inside FreeSWITCH
 Sends and receives faxes by T.38 and G.711 over the SIP trunks of a FreeSWITCH
 that runs already, for several organisations. It comes with a portal, an API,
 e-mail to fax and back, and sealed documents.
 .
 Installing this package touches no FreeSWITCH. It makes a release of Faxplan in
 /usr/local/lib/faxplan; "faxplan install" then takes it into FreeSWITCH, and
 "faxplan upgrade" from one release to the next.
"""


class NotMade(Exception):
    """What is missing, and what to do."""


@dataclass(frozen=True)
class Bundled:
    """A wheel in the package: what it says of itself, and its licences by the names of their files."""

    name: str
    version: str
    licence: str
    home: str
    texts: dict[str, str]


def debian_version(version: str) -> str:
    """A version of Python's as Debian orders it: 0.2.0rc1 and 0.2.0.dev3 come before 0.2.0."""
    return re.sub(r"\.?(a|b|rc|dev)(?=\d)", r"~\1", version)


def gather(wheel: Path, folder: Path) -> None:
    """All wheels that this one needs, into this folder, and itself. Raises NotMade."""
    with tempfile.TemporaryDirectory() as made:
        with ZipFile(wheel) as archive:
            lock = Path(made, "requirements.lock")
            (name,) = (each for each in archive.namelist() if each.endswith("share/faxplan/requirements.lock"))
            lock.write_bytes(archive.read(name))
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet", "--constraint", lock]
        # From its source, and without the paths of this machine that debugging information has.
        build = [
            "--no-deps",
            "--no-cache-dir",
            "--no-build-isolation",
            "--no-binary",
            _CODE,
            "--wheel-dir",
            made,
            _CODE,
        ]
        _run([*pip, *build], CFLAGS="-g0")
        _run([*pip, "--only-binary", ":all:", "--find-links", made, "--wheel-dir", folder, wheel])


def bundled(folder: Path) -> list[Bundled]:
    """What the wheels in a folder say of themselves, by name. Raises NotMade where one has no word on its licence."""
    return [_said(each) for each in sorted(folder.glob("*.whl"), key=lambda each: each.name.lower())]


def _said(wheel: Path) -> Bundled:
    with ZipFile(wheel) as archive:
        (info,) = {Path(each).parent for each in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", each)}
        said = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
        texts = {
            str(Path(each).relative_to(info)): archive.read(each).decode(errors="replace")
            for each in sorted(archive.namelist())
            if each.startswith(f"{info}/")
            and not each.endswith("/")
            and re.search(r"licen[cs]e|copying|notice|authors|vendored", each.removeprefix(f"{info}/"), re.IGNORECASE)
        }
    licence = _licence(said)
    if not licence and not texts:
        raise NotMade(f"{wheel.name} does not say which licence it has. Look at it before you hand it on.")
    links = dict(each.lower().split(", ", 1) for each in said.get_all("Project-URL", []) if ", " in each)
    home = said["Home-page"] or next((links[each] for each in _HOMES if each in links), "")
    return Bundled(said["Name"], said["Version"], licence or "see the text below", home, texts)


def _licence(said: Message) -> str:
    named = said["License-Expression"] or (said["License"] or "").strip()
    if named and len(named) < 100:
        return str(named)
    classes = [each for each in said.get_all("Classifier", []) if each.startswith("License ::")]
    return ", ".join(each.rpartition(" :: ")[2] for each in classes)


def copyright_of(wheels: list[Bundled]) -> str:
    """The package's copyright file. A text that several wheels have stands there once."""
    lines = [
        "Faxplan is free software under the Mozilla Public License 2.0, which Debian has in",
        "/usr/share/common-licenses/MPL-2.0. This package also has the work of others, as",
        "the wheels in /usr/lib/faxplan/packages, with the licences below; each text is what",
        "the wheel itself has.",
        "",
    ]
    lines += [f"{each.name} {each.version}: {each.licence}{each.home and f' ({each.home})'}" for each in wheels]
    seen: dict[str, str] = {}
    for each in wheels:
        for name, text in each.texts.items():
            title = f"{each.name}, {name}"
            where = seen.setdefault(text, title)
            lines += ["", "=" * 80, title, "=" * 80, text.rstrip() if where == title else f"The same as of {where}."]
    return "\n".join(lines) + "\n"


def control(version: str, size: int) -> str:
    """The control file. size: KiB that the package's files take."""
    minor = f"{sys.version_info.major}.{sys.version_info.minor}"
    after = f"{sys.version_info.major}.{sys.version_info.minor + 1}"
    libpq = _run(["pg_config", "--version"]).split()[1].partition(".")[0]
    depends = [
        # The modules with machine code are good for this Python alone, which must be FreeSWITCH's.
        f"python3 (>= {minor}~)",
        f"python3 (<< {after}~)",
        "python3-venv",
        "libc6 (>= 2.34)",
        f"libpq5 (>= {libpq}~)",
        *("cron | cron-daemon" if each == "cron" else each for each in PACKAGES),
    ]
    name, mail = os.environ.get("DEBFULLNAME"), os.environ.get("DEBEMAIL")
    return (
        f"Package: faxplan\nVersion: {debian_version(version)}\nSection: comm\nPriority: optional\n"
        f"Architecture: {_run(['dpkg', '--print-architecture']).strip()}\n"
        f"Maintainer: {f'{name} <{mail}>' if name and mail else _MAINTAINER}\n"
        f"Installed-Size: {size}\nDepends: {', '.join(depends)}\n"
        # Another machine may have the database, and FreeSWITCH may be built from source.
        "Recommends: postgresql\n"
        "Suggests: freeswitch, freeswitch-mod-python3, freeswitch-mod-spandsp, libreoffice-writer\n"
        f"{_PURPOSE}"
    )


def lay(tree: Path, wheels: Path, version: str, when: int) -> None:
    """The package's files into a tree. when: seconds since 1970."""
    share, ours = tree / "usr/share/doc/faxplan", tree / "usr/lib/faxplan"
    share.mkdir(parents=True)
    shutil.copytree(wheels, ours / "packages")
    shutil.copy(PROJECT / "install" / "release.sh", ours / "release.sh")
    shutil.copy(SCRIPTS / "releases.sh", ours / "releases.sh")
    _put(tree / "usr/bin/faxplan", _of_version("faxplan", version), 0o755)
    _put(share / "copyright", copyright_of(bundled(wheels)))
    _put(share / "NEWS.gz", _packed((PROJECT / "CHANGELOG.md").read_bytes()))
    entry = (
        f"faxplan ({debian_version(version)}) unstable; urgency=medium\n\n  * See NEWS.gz.\n\n"
        f" -- {_MAINTAINER}  {formatdate(when, localtime=False)}\n"
    )
    _put(share / "changelog.gz", _packed(entry.encode()))
    _put(tree / "usr/share/man/man1/faxplan.1.gz", _packed((SCRIPTS / "faxplan.1").read_bytes()))
    _put(tree / "usr/share/lintian/overrides/faxplan", (SCRIPTS / "overrides").read_bytes())
    size = sum(each.stat().st_size for each in tree.rglob("*") if each.is_file()) // 1024 + 1
    _put(tree / "DEBIAN/control", control(version, size))
    for name in ("postinst", "prerm", "postrm"):
        _put(tree / "DEBIAN" / name, _of_version(name, version), 0o755)
    laid = [each.relative_to(tree) for each in sorted((tree / "usr").rglob("*")) if each.is_file()]
    _put(tree / "DEBIAN/md5sums", _run(["md5sum", *laid], folder=tree))
    for each in tree.rglob("*"):
        each.chmod(0o755 if each.is_dir() or each.stat().st_mode & 0o100 else 0o644)


def pack(wheel: Path, wheels: Path, into: Path) -> Path:
    """The package's file, made of the wheels in a folder. Raises NotMade."""
    named = _WHEEL.fullmatch(wheel.name)
    if named is None:
        raise NotMade(f"{wheel.name} is no wheel of Faxplan. `make dist` writes it into dist/.")
    version, when = named["version"], int(os.environ.get("SOURCE_DATE_EPOCH") or wheel.stat().st_mtime)
    architecture = _run(["dpkg", "--print-architecture"]).strip()
    package = into / f"faxplan_{debian_version(version)}_{architecture}.deb"
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "tree")
        tree.mkdir(mode=0o755)
        lay(tree, wheels, version, when)
        # Wheels are compressed already.
        build = ["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", tree, package]
        _run(build, SOURCE_DATE_EPOCH=str(when))
    return package


def _of_version(name: str, version: str) -> bytes:
    return (SCRIPTS / name).read_text().replace("@VERSION@", version).encode()


def _put(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    path.chmod(mode)


def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


def _run(command: Sequence[str | Path], folder: Path | None = None, **environment: str) -> str:
    try:
        done = subprocess.run(
            [str(each) for each in command], cwd=folder,
            env={**os.environ, **environment}, capture_output=True, text=True, errors="replace", check=False,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise NotMade(f"{command[0]} is missing; apt-get install dpkg libpq-dev") from error
    if done.returncode != 0:
        raise NotMade(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Prints the package's file."""
    if len(arguments) != 2:
        print("install/make_deb.py WHEEL FOLDER", file=sys.stderr)
        return 2
    try:
        with tempfile.TemporaryDirectory() as wheels:
            gather(Path(arguments[0]).resolve(), Path(wheels))
            print(pack(Path(arguments[0]), Path(wheels), Path(arguments[1])))
    except NotMade as error:
        print(f"install/make_deb.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
