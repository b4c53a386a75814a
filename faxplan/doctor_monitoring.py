"""The doctor on monitoring: whether the worker answers where metrics_listen says, and to whom."""

import http.client
import ipaddress

from faxplan import monitored_address
from faxplan.config import Settings
from faxplan.errors import InvalidSetting
from faxplan.findings import Finding, error, ok, warning

_PATIENCE_SECONDS = 3


def monitoring(settings: Settings) -> list[Finding]:
    """Nothing where it is off."""
    if not settings.metrics_listen:
        return []
    what = "monitoring"
    try:
        host, port = monitored_address.parse(settings.metrics_listen)
    except InvalidSetting as wrong:
        return [error(what, str(wrong), "docs/metrics.md has an example.")]
    connection = http.client.HTTPConnection(host, port, timeout=_PATIENCE_SECONDS)
    try:
        connection.request("GET", "/health/live")
        answered = connection.getresponse().status
    except (OSError, http.client.HTTPException) as away:
        return [
            error(
                what,
                f"nobody answers at {settings.metrics_listen} ({away})",
                "The worker does: systemctl restart faxplan-worker, and see why: journalctl -u faxplan-worker.",
            )
        ]
    finally:
        connection.close()
    if answered != http.client.OK:
        return [error(what, f"{settings.metrics_listen} answers {answered}", "systemctl restart faxplan-worker")]
    if not _is_loopback(host):
        return [
            warning(
                what,
                f"{settings.metrics_listen} shows figures of all tenants to whoever reaches it",
                "Let the firewall take nobody there but the monitoring server.",
            )
        ]
    return [ok(what, f"answers at http://{settings.metrics_listen}/metrics")]


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
