"""Writes portal/static/vault/vendor/ anew (`make vendored`): packages that run in the browser, and VENDORED.md.

Needs `npm`, which fetches the packages from where it is set up to. The files stay as their packages have them, but for
the names in import statements (a browser finds no package by its bare name, so that becomes a path) and for addresses
of package pages in comments. To take a newer version: change it below, with the new archive's SHA-256
(`npm pack NAME@VERSION` and `sha256sum`), read what changed, run this, run the tests.
"""

import hashlib
import posixpath
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[1] / "portal" / "static" / "vault" / "vendor"
# What a file imports or passes on, and not what its comments show.
_ADDRESS = re.compile(r"https://(?:j[s]r\.io|www\.n[p]mjs\.com)/[^\s)|]*")
"""Of pages about the packages, in comments: nothing here depends on where they were published."""
_IMPORT = re.compile(r"""^((?:import|export)\b[^;()/]*?\bfrom\s*|import\s*)(["'])([^"']+)\2""", re.MULTILINE)


@dataclass(frozen=True)
class Package:
    """One of npm's. entry: the file that we import; what it leads to comes along. licences: files of the archive."""

    name: str
    version: str
    archive_sha256: str
    entry: str
    licence: str
    purpose: str
    licences: tuple[str, ...] = ("LICENSE",)

    @property
    def folder(self) -> Path:
        """Where it lies below vendor/."""
        return Path(self.name.removeprefix("@"))


PACKAGES = (
    Package(
        "@hpke/core",
        "1.9.0",
        "e594d5b2ec00a124078717b43967c0075e5e1947a9c16af719cee0516e250eec",
        "esm/mod.js",
        "MIT",
        "HPKE (RFC 9180) on WebCrypto",
    ),
    Package(
        "@hpke/common",
        "1.10.1",
        "3a5af3be65728595a475675b93f925ad9a4a707c8605f62d74916ee72b9ea850",
        "esm/mod.js",
        "MIT",
        "of @hpke/core",
    ),
    Package(
        "hash-wasm",
        "4.13.0",
        "237a2735a3bb8725603a797fea1ba3e455d70e11f338518a65d42dab60182b68",
        "dist/argon2.umd.min.js",
        "MIT; of its C sources Argon2 comes of Go's (BSD-3-Clause), BLAKE2b is CC0-1.0",
        "Argon2id (RFC 9106) in WebAssembly",
    ),
)


def main() -> None:
    """All packages, then VENDORED.md. What was there is removed, but for licences that no archive has (LICENSE.go)."""
    for package in PACKAGES:
        with tempfile.TemporaryDirectory() as scratch:
            _take(package, fetched(package, Path(scratch)))
    (VENDOR / "VENDORED.md").write_text(page())


def page() -> str:
    """VENDORED.md, of the files as they lie there."""
    lines = [
        "# Packages of others that run in the browser",
        "",
        "Written by `make vendored` (install/renew_vendored.py, which says how to take a newer version); a test",
        "compares the files with the hashes below. Files are as in their packages, but for the names of other packages",
        "in `import` and `export`, which are paths here, and for addresses of package pages in comments.",
        '`import("crypto")` in @hpke/common stands in a branch for old',
        "versions of Node.js, which no browser takes.",
        "",
        "| package | version | licence | for | SHA-256 of the archive |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {each.name} | {each.version} | {each.licence} | {each.purpose} | `{each.archive_sha256}` |"
        for each in PACKAGES
    ]
    lines += ["", "| file | SHA-256 |", "|---|---|"]
    files = sorted(path for path in VENDOR.rglob("*") if path.is_file() and path.name != "VENDORED.md")
    lines += [f"| {path.relative_to(VENDOR)} | `{_sha256(path)}` |" for path in files]
    return "\n".join(lines) + "\n"


def fetched(package: Package, scratch: Path) -> dict[str, bytes]:
    """The archive's files by their paths in the package."""
    packed = subprocess.run(
        ["npm", "pack", "--silent", f"{package.name}@{package.version}"],
        cwd=scratch,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    archive = scratch / packed.stdout.split()[-1]
    if _sha256(archive) != package.archive_sha256:
        sys.exit(
            f"{package.name} {package.version} is another archive than the one that was looked at. Nothing was taken."
        )
    with tarfile.open(archive) as opened:
        files = [(member.name, opened.extractfile(member)) for member in opened if member.isfile()]
        return {name.removeprefix("package/"): file.read() for name, file in files if file is not None}


def _take(package: Package, files: dict[str, bytes]) -> None:
    target = VENDOR / package.folder
    for old in target.glob("*"):
        if old.is_dir():
            shutil.rmtree(old)
    target.mkdir(parents=True, exist_ok=True)
    for licence in package.licences:
        (target / licence).write_bytes(files[licence])
    waiting, taken = [package.entry], set()
    while waiting:
        name = waiting.pop()
        if name in taken:
            continue
        taken.add(name)
        text = files[name].decode()
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        (target / name).write_bytes(_ADDRESS.sub("its page", _with_paths(text, target / name)).encode())
        named = [found[3] for found in _IMPORT.finditer(text) if found[3].startswith(".")]
        waiting += [posixpath.normpath(posixpath.join(posixpath.dirname(name), each)) for each in named]


def _with_paths(text: str, target: Path) -> str:
    """The same text, in which other packages are named by their paths as seen from `target`."""

    def path(found: re.Match[str]) -> str:
        known = [each for each in PACKAGES if each.name == found[3]]
        if not known:
            return found[0]
        up = "../" * len(target.parent.relative_to(VENDOR).parts)
        return f"{found[1]}{found[2]}{up}{(known[0].folder / known[0].entry).as_posix()}{found[2]}"

    return _IMPORT.sub(path, text)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    main()
