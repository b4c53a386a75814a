"""The setting metrics_listen: where monitoring asks."""

from urllib.parse import urlsplit

from faxplan.errors import InvalidSetting


def parse(listen: str) -> tuple[str, int]:
    """host:port in two. Raises InvalidSetting."""
    unusable = InvalidSetting(
        f"Setting metrics_listen = {listen!r} cannot be used: write 127.0.0.1:9109, or nothing where nobody asks."
    )
    try:
        parts = urlsplit(f"//{listen}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise unusable from error
    if not host or not port or parts.path or parts.username:
        raise unusable
    return host, port
