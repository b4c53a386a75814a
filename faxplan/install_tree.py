"""The files of the machine, or of a tree that will be one (`--root`): owners by its own accounts, writes whole."""

import errno
import glob
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from faxplan.errors import FaxplanError

_PARTIAL = ".partial"


class _Changed(Exception):
    pass


class InstallRefused(FaxplanError):
    """The installation cannot begin or go on; nothing more was changed."""

    error_id = "install-refused"


@dataclass(frozen=True, slots=True)
class Owner:
    """Names of an account and a group, as the tree's own /etc/passwd has them."""

    user: str = "root"
    group: str = "root"


class Tree:
    """Paths are as programs inside see them: absolute. `root`: where that tree begins on this machine."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root.resolve()

    @property
    def is_this_machine(self) -> bool:
        """Whether its programs and services are those that run here."""
        return self.root == Path("/")

    def at(self, path: Path) -> Path:
        """Where it lies on this machine. Raises InstallRefused where links above it lead out of the tree."""
        if self.is_this_machine:
            return path
        real = self.root / path.relative_to("/")
        # A link that is whole leads elsewhere in the tree for programs inside, and for us to this machine's own files.
        if real != self.root and not real.parent.resolve().is_relative_to(self.root):
            raise InstallRefused(f"{path.parent} leads out of {self.root}. Make the link in it a relative one.")
        return real

    def led(self, path: Path) -> Path:
        """Where it lies when every link on the way is followed, as the tree has it. Raises InstallRefused where that is
        out of the tree."""
        real = self.at(path).resolve()
        if not real.is_relative_to(self.root):
            raise InstallRefused(f"{path} is a link that leads out of {self.root}. Make it a relative one.")
        return Path("/") / real.relative_to(self.root)

    def exists(self, path: Path) -> bool:
        """Also true of a link that leads nowhere."""
        return os.path.lexists(self.at(path))

    def read(self, path: Path) -> bytes | None:
        """None where there is no such file. Raises InstallRefused for what is no file."""
        try:
            # A pipe, which FreeSWITCH's account can make among its files, is not waited for.
            descriptor = os.open(self.at(path), os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOTDIR):
                raise InstallRefused(f"{path} is no file ({error.strerror}). Move it out of the way.") from error
            raise
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise InstallRefused(f"{path} is no file, and should be one. Move it out of the way.")
            with os.fdopen(descriptor, "rb", closefd=False) as reader:
                return reader.read()
        finally:
            os.close(descriptor)

    def glob(self, folder: Path, pattern: str) -> Iterator[Path]:
        """As the tree has them, sorted."""
        for found in sorted(self.at(folder).glob(pattern)):
            yield folder / found.relative_to(self.at(folder))

    def has_account(self, name: str, file: str = "passwd") -> bool:
        """Whether the tree has that user, or with "group" that group."""
        return self._id(name, file) is not None

    def is_owned_by(self, path: Path, owner: Owner) -> bool:
        """Whether a folder belongs to that account. Where we are not root nothing can: then true."""
        return os.geteuid() != 0 or self.at(path).stat().st_uid == self._id(owner.user, "passwd")

    def write(self, path: Path, content: bytes, mode: int, owner: Owner) -> None:
        """Puts a file there in one step, in place of one that is there. Its folder must exist."""
        real = self.at(path)
        partial = self._partial(real)
        try:
            descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as writer:
                self._own(descriptor, owner)
                os.fchmod(descriptor, mode)
                writer.write(content)
                writer.flush()
                os.fsync(descriptor)
            partial.replace(real)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise

    def rewrite(self, path: Path, before: bytes, after: bytes) -> None:
        """A file of somebody else's: its mode and owner stay, and a link to it stays a link.

        Raises InstallRefused where it is not `before` any more. Whoever runs FreeSWITCH may write there, and turn a
        link as we look: what is compared and what is replaced is one file of one folder that is open.
        """
        real = self.at(path).resolve()
        if not self.is_this_machine and not real.is_relative_to(self.root):
            raise InstallRefused(f"{path} is a link that leads out of {self.root}. Put the file itself there.")
        folder = os.open(real.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            self._replace(folder, real.name, before, after)
        except OSError as error:
            raise InstallRefused(f"{path} cannot be changed ({error.strerror}). Run this again.") from error
        except _Changed:
            raise InstallRefused(f"{path} was changed by somebody in this moment. Run this again.") from None
        finally:
            os.close(folder)

    @staticmethod
    def _replace(folder: int, name: str, before: bytes, after: bytes) -> None:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        with os.fdopen(descriptor, "rb") as reader:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or reader.read() != before:
                raise _Changed
        partial = Tree._partial(Path(name)).name
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as writer:
                if os.geteuid() == 0:
                    os.fchown(descriptor, found.st_uid, found.st_gid)
                os.fchmod(descriptor, stat.S_IMODE(found.st_mode))
                writer.write(after)
                writer.flush()
                os.fsync(descriptor)
            os.replace(partial, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(partial, dir_fd=folder)
            raise

    def make_folder(self, path: Path, mode: int, owner: Owner) -> None:
        """One that is missing, and nothing above it. It has its name when it has its owner and mode."""
        real = self.at(path)
        partial = self._partial(real)
        partial.mkdir(mode=0o700)
        try:
            descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                self._own(descriptor, owner)
                os.fchmod(descriptor, mode)
            finally:
                os.close(descriptor)
            partial.rename(real)
        except BaseException:
            with suppress(OSError):
                partial.rmdir()
            raise

    def link(self, path: Path, target: Path) -> None:
        """A symbolic link, in one step, in place of one that is there."""
        real = self.at(path)
        partial = self._partial(real)
        partial.symlink_to(target)
        partial.replace(real)

    def link_target(self, path: Path) -> Path | None:
        """Where a link leads; None where there is none."""
        real = self.at(path)
        return real.readlink() if real.is_symlink() else None

    def remove(self, path: Path) -> None:
        """A file or link; one that is gone already is no error."""
        self.at(path).unlink(missing_ok=True)

    def remove_folder(self, path: Path) -> bool:
        """Whether it is gone: one that holds something stays."""
        with suppress(OSError):
            self.at(path).rmdir()
        return not self.exists(path)

    def sweep(self, path: Path) -> None:
        """Removes what one that was killed left beside this file or folder, and where a link to a file leads; for
        whoever has the turn."""
        for partial in self.partials(path):
            if partial.is_dir() and not partial.is_symlink():
                with suppress(OSError):
                    partial.rmdir()
            else:
                partial.unlink(missing_ok=True)

    def partials(self, path: Path) -> list[Path]:
        """What `sweep` removes, as it lies on this machine."""
        real = self.at(path)
        led = real.resolve()
        named = {real, led} if led.is_relative_to(self.root) else {real}
        return [found for each in named for found in each.parent.glob(f".{glob.escape(each.name)}.*-*{_PARTIAL}")]

    @staticmethod
    def _partial(real: Path) -> Path:
        return real.with_name(f".{real.name}.{os.getpid()}-{secrets.token_hex(8)}{_PARTIAL}")

    def _own(self, descriptor: int, owner: Owner) -> None:
        if os.geteuid() != 0:
            return
        user, group = self._id(owner.user, "passwd"), self._id(owner.group, "group")
        if user is None or group is None:
            raise InstallRefused(
                f"There is no account {owner.user}, or no group {owner.group}, in {self.root}: FreeSWITCH must run as "
                "somebody. Make it, or name another with --user."
            )
        os.fchown(descriptor, user, group)

    def _id(self, name: str, file: str) -> int | None:
        if name == "root":
            return 0
        for line in (self.read(Path("/etc") / file) or b"").decode(errors="replace").splitlines():
            fields = line.split(":")
            if fields[0] == name and len(fields) > 2 and fields[2].isdigit():
                return int(fields[2])
        return None
