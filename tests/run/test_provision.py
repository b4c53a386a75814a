"""install/provision.sh in a fresh Debian 12 and 13, without FreeSWITCH and systemd: as far as that goes."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.run import debian_tree
from tests.run.debian_tree import within

pytestmark = [pytest.mark.soak, pytest.mark.timeout(3600), *debian_tree.NEEDED]
_SOURCE = "srv/faxplan-source"


@pytest.fixture(scope="module", params=["bookworm", "trixie"])
def tree(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """With the checkout in it."""
    folder = tmp_path_factory.mktemp("debian")
    debian_tree.made(folder, suite=request.param)
    debian_tree.lay_checkout(folder / _SOURCE)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_it_goes_as_far_as_it_can_and_says_what_is_missing(tree: Path) -> None:
    for _again in (1, 2):
        done = within(tree, f"/{_SOURCE}/install/provision.sh --domain fax.test")
        told = done.stdout + done.stderr
        assert done.returncode == 0, told
        missing = told.partition("Not done:")[2]
        assert "SIGNALWIRE_TOKEN is not set" in missing
        assert "faxplan install" in missing
        assert "no systemd runs here" in missing
        release = (tree / "usr/local/lib/faxplan/current").readlink()
        assert str(release).startswith("releases/")
    version = within(tree, "/usr/local/lib/faxplan/current/bin/faxplan --version")
    assert version.stdout == f"faxplan {release.name}\n"
    assert "server_name fax.test *.fax.test;" in (tree / "etc/nginx/conf.d/faxplan.conf").read_text()
    assert (tree / "etc/ssl/private/faxplan.key").stat().st_mode & 0o077 == 0
    # What a user of the machine has: make, from their home folder.
    assert "make live" in within(tree, "cd /root && make help").stdout
    # No FreeSWITCH came, and nothing of one.
    assert not (tree / "etc/faxplan").exists()
