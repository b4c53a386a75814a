"""An installation's plan against what is there: what is to be done, and doing it.

Each step is noted in the manifest before it is done. Doing a step twice does no more than doing it once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from faxplan import install_edits, install_manifest
from faxplan.install_manifest import Laid, Line, Manifest, digest
from faxplan.install_plan import Folder, LineIn, OurFile, Plan
from faxplan.install_tree import InstallRefused, Owner, Tree

NEW = ".faxplan-new"


@dataclass(frozen=True, slots=True)
class Step:
    """`what`: for whoever reads along. `diff`: of a file that is not ours. `paths`: what it touches."""

    what: str
    do: Callable[[], None]
    diff: str = ""
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """`steps`: to be done. `edits`: those that somebody is asked about. `notes`: what stays as it is, and why."""

    steps: tuple[Step, ...]
    edits: tuple[Step, ...]
    notes: tuple[str, ...]


class Applying:
    """One installation onto one tree. `save` writes the manifest; its folder is the first that a plan makes."""

    def __init__(self, tree: Tree, plan: Plan, manifest: Manifest, manifest_path: Path) -> None:
        self._tree = tree
        self._plan = plan
        self._manifest = manifest
        self._path = manifest_path

    def compared(self) -> Comparison:
        """Changes nothing. Raises InstallRefused."""
        notes: list[str] = []
        steps = [
            *self._folders(),
            *(step for file in self._plan.files for step in self._file(file, notes)),
            *self._links(notes),
        ]
        edits = [step for line in self._plan.lines for step in self._line(line)]
        return Comparison(tuple(steps), tuple(edits), tuple(notes))

    def save(self) -> None:
        """The manifest as it is now."""
        install_manifest.save(self._tree, self._path, self._manifest)

    def sweep(self) -> None:
        """Removes what an installation that was killed left half written."""
        for path in self._named():
            self._tree.sweep(path)

    def is_swept(self) -> bool:
        """Whether it left nothing."""
        return not any(self._tree.partials(path) for path in self._named())

    def _named(self) -> list[Path]:
        plan = self._plan
        folders, files = [each.path for each in plan.folders], [each.path for each in plan.files]
        lines, links = [each.path for each in plan.lines], [path for path, _ in plan.links]
        # Of files of others those that have gained a line already, too: an uninstallation may have been killed there.
        gained = [Path(each.path) for each in self._manifest.lines]
        aside = install_manifest.put_aside(self._manifest, self._path)
        named = (*folders, *files, *lines, *gained, *links, *aside, self._path)
        return [path for path in named if self._tree.at(path.parent).is_dir()]

    def _folders(self) -> Iterator[Step]:
        for each in self._plan.folders:
            real = self._tree.at(each.path)
            if real.is_dir():
                if each.kept and not self._tree.is_owned_by(each.path, each.owner):
                    own = f"chown -R {each.owner.user}:{each.owner.group} {each.path}"
                    raise InstallRefused(
                        f"{each.path} is there and does not belong to {each.owner.user}, who will work in it. If faxes "
                        f"of this machine lie in it: {own}; else move it away."
                    )
                continue
            if (target := self._tree.link_target(each.path)) is not None:
                raise InstallRefused(
                    f"{each.path} leads to {target}, which is not there, or is no folder. Mount what it leads to, or "
                    "remove the link."
                )
            if self._tree.exists(each.path):
                raise InstallRefused(f"{each.path} is no folder, and must be one. Move it out of the way.")
            yield Step(f"make {each.path}/", lambda each=each: self._make(each), path=each.path)  # type: ignore[misc]

    def _make(self, folder: Folder) -> None:
        # The manifest lies in one of them: what is above it is noted as soon as it can be.
        if folder.noted and not folder.kept and str(folder.path) not in self._manifest.folders:
            self._manifest.folders.append(str(folder.path))
        if self._tree.at(self._path.parent).is_dir():
            self.save()
        if not self._tree.at(folder.path).is_dir():
            # The prefix is there since we have our turn.
            self._tree.make_folder(folder.path, folder.mode, folder.owner)

    def _file(self, file: OurFile, notes: list[str]) -> Iterator[Step]:
        there = self._tree.read(file.path)
        laid = self._manifest.files.get(str(file.path))
        if there is None:
            yield Step(f"write {file.path}", lambda: self._lay(file), path=file.path)
        elif there == file.content or file.seed:
            # One that is as it should be, and not noted, was there before us.
            pass
        elif laid is not None and laid.digest == digest(there):
            yield Step(f"write {file.path} anew", lambda: self._lay(file), path=file.path)
        elif laid is not None and digest(file.content) in (laid.digest, laid.offered):
            notes.append(f"{file.path} was changed since it was laid, and stays as it is")
        else:
            why = "was changed since it was laid" if laid is not None else "is there, and is not this installation's"
            beside = file.path.with_name(file.path.name + NEW)
            yield Step(
                f"write {beside}: {file.path.name} {why}, and stays as it is. Compare the two",
                lambda: self._offer(file, beside),
                path=beside,
            )

    def _lay(self, file: OurFile) -> None:
        self._manifest.files[str(file.path)] = Laid(digest(file.content), led=self._led(file.path.parent))
        self.save()
        self._tree.write(file.path, file.content, file.mode, file.owner)

    def _led(self, path: Path) -> str:
        led = self._tree.led(path)
        return "" if led == path else str(led)

    def _offer(self, file: OurFile, beside: Path) -> None:
        laid = self._manifest.files.get(str(file.path)) or Laid("")
        laid.offered = digest(file.content)
        self._manifest.files[str(file.path)] = laid
        self._manifest.files[str(beside)] = Laid(digest(file.content))
        self.save()
        self._tree.write(beside, file.content, file.mode, file.owner)

    def _links(self, notes: list[str]) -> Iterator[Step]:
        for path, target in self._plan.links:
            led = self._tree.link_target(path)
            if led is not None and path.parent / led == target:
                continue
            if self._tree.exists(path):
                if led is None:
                    raise InstallRefused(f"{path} is there, and is no link. Move it out of the way.")
                notes.append(f"{path} leads to {led}, and stays so")
                continue
            yield Step(
                f"make the link {path} to {target}",
                lambda path=path, target=target: self._link(path, target),  # type: ignore[misc]
                path=path,
            )

    def _link(self, path: Path, target: Path) -> None:
        self._manifest.links[str(path)] = str(target)
        self.save()
        self._tree.link(path, target)

    def _line(self, line: LineIn) -> Iterator[Step]:
        content = self._tree.read(line.path)
        if content is None:
            if line.whole is None:
                raise InstallRefused(f"{line.path} is missing, which every FreeSWITCH has. Put it back.")
            made = OurFile(line.path, line.whole, 0o640, self._beside(line.path))
            yield Step(f"write {line.path}, which is missing: {line.edit.why}", lambda: self._lay(made), path=line.path)
            return
        before = content.decode("utf-8", "surrogateescape")
        if line.edit.is_there(before):
            return
        try:
            after, gained = install_edits.added(before, line.edit)
        except InstallRefused as error:
            raise InstallRefused(
                f"{line.path} cannot be given the line {line.edit.line.splitlines()[0]}: {error}. Put it in by hand, "
                "and run this again."
            ) from None
        yield Step(
            f"change {line.path}: {line.edit.why}",
            lambda: self._edit(line.path, before, after, gained),
            diff=install_edits.diff(before, after, str(line.path)),
            path=line.path,
        )

    def _beside(self, path: Path) -> Owner:
        """The owner of what lies in the same folder."""
        known = [each.owner for each in self._plan.files if each.path.is_relative_to(path.parent.parent)]
        return known[0] if known else Owner()

    def _edit(self, path: Path, before: str, after: str, gained: str) -> None:
        self._manifest.lines = [each for each in self._manifest.lines if each.path != str(path)]
        self._manifest.lines.append(Line(str(path), gained, self._led(path)))
        self.save()
        self._tree.rewrite(path, *(text.encode("utf-8", "surrogateescape") for text in (before, after)))
