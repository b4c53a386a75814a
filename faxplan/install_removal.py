"""Takes away what an installation has put onto a machine: what was there before is there again, byte for byte."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from faxplan import install_edits, install_manifest, install_plan
from faxplan.install_apply import Step
from faxplan.install_manifest import Laid, Manifest, digest
from faxplan.install_tree import Owner, Tree


class Removing:
    """One uninstallation from one tree."""

    def __init__(self, tree: Tree, manifest: Manifest, manifest_path: Path) -> None:
        self._tree = tree
        self._manifest = manifest
        self._path = manifest_path
        self._kept = manifest_path.parent / install_manifest.KEPT

    def steps(self) -> list[Step]:
        """In order. Changes nothing."""
        return [
            *self._lines(),
            *self._files(),
            *(Step(f"remove the link {path}", lambda path=path: self._unlink(path), path=Path(path))  # type: ignore[misc]
              for path in self._manifest.links),
            *self._folders(),
            Step(f"remove {self._path}", lambda: self._tree.remove(self._path), path=self._path),
        ]  # fmt: skip

    def sweep(self) -> None:
        """Removes what one that was killed left half written; for whoever has the turn."""
        noted = self._manifest
        named = [*noted.files, *noted.links, *noted.folders, *(line.path for line in noted.lines), str(self._path)]
        for path in (*map(Path, named), *install_manifest.put_aside(noted, self._path)):
            if self._tree.at(path.parent).is_dir():
                self._tree.sweep(path)

    def left(self) -> list[str]:
        """After the steps: folders of ours that stay, since somebody else's files lie in them."""
        return [path for path in self._manifest.folders if self._tree.exists(Path(path))]

    def _lines(self) -> Iterator[Step]:
        for line in self._manifest.lines:
            # A link on the way may have been turned since: then it is in the file that it led to.
            for path in (Path(line.path), *([Path(line.led)] if line.led else [])):
                before = (self._tree.read(path) or b"").decode("utf-8", "surrogateescape")
                after = install_edits.removed(before, line.text)
                if after is None:
                    continue
                yield Step(
                    f"change {path}: what it had gained goes",
                    lambda path=path, gained=line.text: self._take_out(path, gained),  # type: ignore[misc]
                    diff=install_edits.diff(before, after, str(path)).replace("(with Faxplan)", "(without Faxplan)"),
                    path=path,
                )
                break

    def _take_out(self, path: Path, gained: str) -> None:
        before = (self._tree.read(path) or b"").decode("utf-8", "surrogateescape")
        after = install_edits.removed(before, gained)
        if after is not None:
            self._tree.rewrite(path, *(text.encode("utf-8", "surrogateescape") for text in (before, after)))

    def _files(self) -> Iterator[Step]:
        for name, laid in self._manifest.files.items():
            path = Path(name)
            content = self._tree.read(path)
            if content is None and laid.led:
                # The link that led there has been turned since.
                yield from self._left_behind(Path(laid.led, path.name), laid)
            if content is None or not laid.digest:
                continue
            if laid.digest == digest(content) or path.name == "trunks_acl.xml":
                yield Step(f"remove {path}", lambda path=path: self._remove(path), path=path)  # type: ignore[misc]
            else:
                yield Step(
                    f"remove {path}, which was changed since; a copy stays as {self._kept}{path}",
                    lambda path=path: self._put_aside(path),  # type: ignore[misc]
                    path=path,
                )

    def _left_behind(self, path: Path, laid: Laid) -> Iterator[Step]:
        content = self._tree.read(path)
        if content is not None and digest(content) == laid.digest:
            yield Step(f"remove {path}", lambda: self._remove(path), path=path)

    def _remove(self, path: Path) -> None:
        self._tree.sweep(path)
        self._tree.remove(path)
        # What Python has compiled of it.
        if path.suffix == ".py":
            folder = path.parent / "__pycache__"
            for compiled in self._tree.glob(folder, f"{path.stem}.*.pyc"):
                self._tree.remove(compiled)
            self._tree.remove_folder(folder)

    def _put_aside(self, path: Path) -> None:
        content = self._tree.read(path)
        target = self._kept / path.relative_to("/")
        if content is not None:
            for folder in reversed([target.parent, *target.parent.parents]):
                if folder.is_relative_to(self._kept) and not self._tree.exists(folder):
                    self._tree.make_folder(folder, 0o700, Owner())
            self._tree.write(target, content, 0o600, Owner())
        self._remove(path)

    def _unlink(self, path: str) -> None:
        if self._tree.link_target(Path(path)) is not None:
            self._tree.remove(Path(path))

    def _folders(self) -> Iterator[Step]:
        # The prefix holds the releases, and the program that runs here: it stays.
        for name in sorted(self._manifest.folders, key=lambda each: len(Path(each).parts), reverse=True):
            path = Path(name)
            if path == self._path.parent or self._path.is_relative_to(path):
                continue
            yield Step(f"remove {path}/", lambda path=path: self._remove_folder(path), path=path)  # type: ignore[misc]

    def _remove_folder(self, path: Path) -> None:
        # Whoever runs FreeSWITCH may have put a link there.
        if not self._tree.at(path).is_dir() or self._tree.at(path).is_symlink():
            return
        # Gateways and what is noted beside them: Faxplan writes them from its trunks, whenever it runs.
        if path.name == "faxplan" and path.parent.name == "sip_profiles":
            for found in (*self._tree.glob(path, "*.xml"), *self._tree.glob(path, ".*")):
                if self._tree.at(found).is_symlink() or not self._tree.at(found).is_dir():
                    self._tree.remove(found)
        self._tree.remove_folder(path)


def purge_state(tree: Tree) -> None:
    """Destroys faxes, keys and whatever else lies in the state folder. Where that is a link, which root alone can have
    put there, link and folder stay. Raises InstallRefused where it leads out of the tree."""
    real = tree.at(tree.led(install_plan.STATE))
    if real.is_dir():
        for found in real.iterdir():
            if found.is_dir() and not found.is_symlink():
                shutil.rmtree(found, ignore_errors=found.is_mount())
            else:
                found.unlink()
        if tree.link_target(install_plan.STATE) is None:
            tree.remove_folder(install_plan.STATE)


def manifest_of(tree: Tree, prefix: Path) -> tuple[Manifest | None, Path]:
    """What is installed, and where that is noted."""
    path = install_plan.manifest_path(prefix)
    return install_manifest.load(tree, path), path
