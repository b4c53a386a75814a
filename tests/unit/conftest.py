import pytest

from faxplan import sandbox


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test replaces here is replaced in the child too; pytest-xdist's own thread would have it spawned."""
    monkeypatch.setattr(sandbox, "_spawned", sandbox._forked)
