import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from faxplan import files
from faxplan.confinement import LimitsOnly
from faxplan.document_store import Store
from faxplan.files import UnsafeFolder
from faxplan.journal import Journal
from faxplan.key_folder import KeyFolder
from faxplan.object_folder import ObjectFolder
from faxplan.pending import Pending
from faxplan.scratch import Scratch
from faxplan.spool import Spool

NOBODY = 65534


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_folder_is_private_and_so_is_what_was_missing_above_it(tmp_path: Path) -> None:
    files.private_folder(tmp_path / "a" / "b")
    files.private_folder(tmp_path / "a" / "b")
    assert [mode(tmp_path / "a"), mode(tmp_path / "a" / "b")] == [0o700, 0o700]


def test_a_folder_of_our_own_that_is_too_open_is_tightened(tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    files.private_folder(folder)
    assert mode(folder) == 0o700


def test_a_symbolic_link_is_refused_wherever_it_leads(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    with pytest.raises(UnsafeFolder, match="symbolic link"):
        files.private_folder(link)
    link.unlink()
    link.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UnsafeFolder, match="symbolic link"):
        files.private_folder(link)


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UnsafeFolder, match="no folder"):
        files.private_folder(tmp_path / "file")


def prepared(root: Path) -> None:
    Spool(root / "spool").prepare()
    Journal(root / "journal").prepare()
    Pending(root / "pending", LimitsOnly()).prepare()
    source = root / "document"
    source.write_bytes(b"%PDF-")
    store = Store(ObjectFolder(root / "store"), KeyFolder(root / "keys"), Scratch(root / "work"))
    if store.root.exists():
        store.marker.touch()
    store.seal(source, 1, "original")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to somebody else: run the tests as root")
@pytest.mark.parametrize("name", ["spool", "spool/out", "spool/in", "journal", "pending", "store"])
def test_a_folder_of_somebody_else_is_refused_by_whoever_keeps_faxes_in_it(tmp_path: Path, name: str) -> None:
    foreign = tmp_path / name
    foreign.mkdir(parents=True)
    foreign.chmod(0o777)
    os.chown(foreign, NOBODY, NOBODY)
    with pytest.raises(UnsafeFolder, match="chown"):
        prepared(tmp_path)


@pytest.mark.parametrize("name", ["spool", "spool/out", "spool/in", "journal", "pending", "store"])
def test_an_open_folder_is_tightened_by_whoever_keeps_faxes_in_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir(parents=True)
    (tmp_path / name).chmod(0o777)
    prepared(tmp_path)
    assert mode(tmp_path / name) == 0o700


def test_a_folder_is_emptied_whatever_is_in_it_and_no_link_is_followed(tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    (outside / "kept").touch()
    folder.mkdir()
    (folder / "link").symlink_to(outside)
    (folder / "broken").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    (folder / "a" / "b" / "c").mkdir(parents=True)
    (folder / "a" / "b" / "link").symlink_to(outside)
    (folder / "a" / "b" / "file").touch()
    (folder / "a" / "b").chmod(0)
    (folder / "a").chmod(0)
    before = Path.cwd()
    os.chdir(folder)
    try:
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
    finally:
        os.chdir(before)
    if sys.version_info < (3, 13):
        # Too deep for what goes down by recursion, as this did.
        with pytest.raises((RecursionError, OSError)):
            shutil.rmtree(folder)
    files.empty_folder(folder)
    assert list(folder.iterdir()) == []
    assert (outside / "kept").exists()


MOST_MEMORY = """
import sys, tracemalloc
from pathlib import Path
from faxplan import files
tracemalloc.start()
files.empty_folder(Path(sys.argv[1]))
print(tracemalloc.get_traced_memory()[1])
"""


def test_a_folder_of_very_many_files_is_emptied_without_a_list_of_them(tmp_path: Path) -> None:
    """As a converter may leave it that was taken over; FreeSWITCH's own process clears it away."""
    for folder in (tmp_path / "full", tmp_path / "full" / "below"):
        folder.mkdir()
        for number in range(10_000):
            (folder / f"{number:0100d}").touch()
    # In a process of its own: what threads of other tests allocate here counts too.
    words = [sys.executable, "-c", MOST_MEMORY, str(tmp_path / "full")]
    most = subprocess.run(words, cwd=Path(files.__file__).parents[1], check=True, capture_output=True).stdout
    assert not list((tmp_path / "full").iterdir())
    # Python 3.13 takes 0.8 MB, for the table of interned names; a list of all would be some 5 MB.
    assert int(most) < 1_500_000
