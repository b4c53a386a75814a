"""The page with the vault's modules, in each browser: started once a run, for all tests here."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import browsers
from tests.browser.browsers import Page


@pytest.fixture(
    scope="session",
    # A browser's tests go to one worker of pytest-xdist (--dist loadgroup), so that it is started once.
    params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in ("chromium", "firefox-esr")],
)
def page(request: pytest.FixtureRequest, run_directory: Path) -> Iterator[Page]:
    with browsers.opened(request.param, run_directory) as page:
        yield page
