import pytest

from faxplan import namespace, sandbox


@pytest.fixture
def forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test replaces here is replaced in the child too; pytest-xdist's own thread would have it spawned."""
    monkeypatch.setattr(sandbox, "_spawned", sandbox._forked)


@pytest.fixture(scope="session")
def namespaces_work() -> None:
    """Skips, with the reason, where this machine lets nobody make a namespace."""
    if (found := namespace.trouble()) is not None:
        pytest.skip(f"{found.cause}. {found.remedy}")
