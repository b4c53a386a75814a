"""The doctor on keys: their folder, swap, core dumps."""

import os
import time
from pathlib import Path

import pytest

from faxplan import doctor_keys
from faxplan.config import Settings
from faxplan.findings import Finding, Level
from faxplan.key_folder import KeyFolder
from faxplan.transient_readers import LOST_SECONDS

UNITS = Path(__file__).parents[2] / "conf" / "systemd"


def by_what(findings: list[Finding]) -> dict[str, Finding]:
    return {each.what: each for each in findings}


@pytest.fixture
def folder(tmp_path: Path) -> KeyFolder:
    made = KeyFolder(tmp_path / "keys")
    made.prepare()
    return made


def test_a_folder_that_is_well_and_what_cannot_be_seen(folder: KeyFolder) -> None:
    folder.make()
    found = by_what(doctor_keys.key_folder("keys", folder.root))
    assert {what: each.level for what, each in found.items()} == {"keys": Level.OK, "keys, place": Level.OK}
    assert "backup" in found["keys, place"].found
    assert "cannot be seen" in found["keys, place"].found


def test_a_folder_that_is_missing_or_open(folder: KeyFolder, tmp_path: Path) -> None:
    (missing,) = doctor_keys.key_folder("keys", tmp_path / "none")
    assert missing.level is Level.ERROR
    folder.root.chmod(0o750)
    found = by_what(doctor_keys.key_folder("keys", folder.root))
    assert (found["keys"].level, found["keys"].remedy) == (Level.ERROR, f"chmod 0700 {folder.root}")


def test_keys_that_others_can_read_and_keys_that_nobody_renews(folder: KeyFolder) -> None:
    key = folder.make()
    file = folder.root / f"{key.public.raw.hex()}.key"
    file.chmod(0o640)
    (folder.root / "elsewhere.key").symlink_to(file)
    then = time.time() - LOST_SECONDS - 60
    os.utime(file, (then, then))
    found = by_what(doctor_keys.key_folder("keys", folder.root))
    assert found["keys, access"].level is Level.ERROR
    assert found["keys, access"].found.startswith("2 keys")
    assert found["keys, age"].level is Level.WARNING
    assert key.raw.hex() not in str(found)


def test_the_workers_folder_is_looked_at_where_there_is_one(tmp_path: Path) -> None:
    settings = Settings(database_url="postgresql:///x", state_dir=tmp_path / "state")
    KeyFolder(settings.keys).prepare()
    assert "keys, for mail" not in by_what(doctor_keys.keys(settings))
    KeyFolder(settings.mailer_keys).prepare()
    settings.mailer_keys.chmod(0o755)
    found = by_what(doctor_keys.keys(settings))
    assert (found["keys"].level, found["keys, for mail"].level) == (Level.OK, Level.ERROR)


# ---------------------------------------------------------------------------------------------------------------- swap


class Machine:
    """A machine's swap, and what /sys/dev/block says of the device below it."""

    def __init__(self, folder: Path) -> None:
        self.swaps, self.devices = folder / "swaps", folder / "block"
        self._file = folder / "swap file"
        self._file.touch()
        number = self._file.stat().st_dev
        self.device = self.devices / f"{os.major(number)}:{os.minor(number)}"
        self.device.mkdir(parents=True)
        name = str(self._file).replace(" ", "\\040")
        self.swaps.write_text(f"Filename\tType\tSize\tUsed\tPriority\n{name} file 1024 0 -2\n")

    def is_dm(self, uuid: str, device: Path | None = None) -> None:
        place = (device or self.device) / "dm"
        place.mkdir(parents=True)
        (place / "uuid").write_text(uuid)

    def level(self) -> Level:
        (found,) = doctor_keys.swap(self.swaps, self.devices)
        return found.level


def test_swap_is_told_unless_it_is_encrypted(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    assert machine.level() is Level.WARNING
    machine.is_dm("CRYPT-PLAIN-swap")
    assert machine.level() is Level.OK


def test_a_volume_is_as_safe_as_all_that_it_stands_on(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.is_dm("LVM-abc")
    machine.is_dm("CRYPT-LUKS2-abc", machine.device / "slaves" / "dm-1")
    assert machine.level() is Level.OK
    machine.is_dm("LVM-def", machine.device / "slaves" / "dm-2")
    assert machine.level() is Level.WARNING


def test_swap_in_memory_and_no_swap_are_well(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.device.rename(tmp_path / "zram0")
    machine.device.symlink_to(tmp_path / "zram0")
    assert machine.level() is Level.OK
    machine.swaps.write_text("Filename\tType\tSize\tUsed\tPriority\n")
    assert machine.level() is Level.OK
    machine.swaps.unlink()
    assert machine.level() is Level.OK


def test_swap_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    machine.swaps.write_text("Filename\n/no/such/swap partition 1024 0 -2\n")
    assert machine.level() is Level.WARNING


# ---------------------------------------------------------------------------------------------------------- core dumps


def test_our_units_let_no_crash_write_memory_to_a_disk() -> None:
    found = doctor_keys.core_dumps(UNITS)
    assert [each.level for each in found] == [Level.OK, Level.OK]


def test_units_of_before_are_told_and_missing_ones_are_not(tmp_path: Path) -> None:
    assert doctor_keys.core_dumps(tmp_path) == []
    (tmp_path / "faxplan-worker.service").write_text("[Service]\n# LimitCORE=0\nLimitCORE=infinity\n")
    (found,) = doctor_keys.core_dumps(tmp_path)
    assert (found.level, "daemon-reload" in found.remedy) == (Level.WARNING, True)
