"""The setting metrics_listen: where monitoring asks."""

from urllib.parse import urlsplit

from faxplan.errors import InvalidSetting


def parse(listen: str) -> tuple[str, int]:
    """host:port in two. Raises InvalidSetting."""
    parts = urlsplit(f"//{listen}")
    try:
        if parts.hostname and parts.port and not (parts.path or parts.username):
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise InvalidSetting(
        f"Setting metrics_listen = {listen!r} cannot be used: write 127.0.0.1:9109, or nothing where nobody asks."
    )
