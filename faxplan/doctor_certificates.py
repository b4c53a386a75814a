"""The doctor on certificates: those of FreeSWITCH for SIP over TLS, and the one that browsers see at the portal."""

import socket
import ssl
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from faxplan.config import Settings
from faxplan.findings import Finding, error, ok, warning
from faxplan.guard import Asked

_SOON = timedelta(days=21)
"""Whoever renews by ACME does so 30 days before; then something is wrong there."""
_PATIENCE_SECONDS = 5.0
_HTTPS = 443


def of_switch(switch: Asked, transports: Mapping[str, str]) -> list[Finding]:
    """agent.pem and cafile.pem, where an enabled trunk is reached by TLS. transports: by trunk."""
    wanting = sorted(name for name, transport in transports.items() if transport == "tls")
    if not wanting:
        return []
    folder = switch.api("global_getvar certs_dir").strip()
    if not folder.startswith("/"):
        return []
    return [_of_file(Path(folder) / name, wanting[0]) for name in ("agent.pem", "cafile.pem")]


def _of_file(file: Path, trunk: str) -> Finding:
    what = f"certificate {file.name}"
    try:
        found = x509.load_pem_x509_certificates(file.read_bytes())
    except FileNotFoundError:
        return error(what, f"{file} is missing: trunk {trunk} cannot be reached", "docs/install-on-freeswitch.md: TLS.")
    except PermissionError:
        return warning(what, f"{file} may not be read by this user", "Run the doctor as root, or as FreeSWITCH's user.")
    except (OSError, ValueError) as broken:
        return error(what, f"{file} has no certificate in it ({broken})", "Put one in PEM there, and its key with it.")
    # Of many authorities some are always over.
    ends = (
        max(each.not_valid_after_utc for each in found) if file.name == "cafile.pem" else found[0].not_valid_after_utc
    )
    return expiry(what, ends, "Renew it; `sofia profile faxplan restart`, while no call runs, takes it up.")


def of_portal(settings: Settings) -> list[Finding]:
    """What a browser meets at the portal's host name, where a proxy with TLS stands before it."""
    if not settings.portal_behind_proxy or settings.portal_domain == "localhost":
        return []
    what, host = "certificate of the portal", settings.portal_domain
    try:
        certificate = _presented(host)
    except (OSError, ValueError) as failed:
        return [
            warning(
                what,
                f"{host} does not answer by TLS as seen from here ({failed})",
                "See that the proxy runs and the name is in the DNS: conf/nginx/faxplan.conf, docs/portal.md.",
            )
        ]
    findings = [expiry(what, certificate.not_valid_after_utc, "Renew it, and have the proxy load it again.")]
    if not names(certificate, f"tenant.{host}"):
        findings.append(
            error(
                f"{what}, its names",
                f"it is not valid for *.{host}, and each tenant has a host of its own there",
                f"Get one for {host} and *.{host} (by ACME: the DNS challenge).",
            )
        )
    return findings


def _presented(host: str) -> x509.Certificate:
    """Raises OSError and ValueError. Whoever signed it: that is the browser's to judge."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((host, _HTTPS), timeout=_PATIENCE_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as encrypted,
    ):
        return x509.load_der_x509_certificate(encrypted.getpeercert(binary_form=True) or b"")


def names(certificate: x509.Certificate, host: str) -> bool:
    """Whether a certificate is for a host, as RFC 6125 has it: a wildcard stands for the first label alone."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return False
    wanted = {host.lower(), f"*.{host.lower().partition('.')[2]}"}
    return any(each.lower() in wanted for each in alternatives.get_values_for_type(x509.DNSName))


def expiry(what: str, ends: datetime, remedy: str) -> Finding:
    """Whether a certificate is over, or soon."""
    left = ends - datetime.now(UTC)
    if left <= timedelta(0):
        return error(what, f"expired on {ends:%Y-%m-%d}", remedy)
    if left < _SOON:
        return warning(what, f"expires on {ends:%Y-%m-%d}, in {left.days} days", remedy)
    return ok(what, f"valid until {ends:%Y-%m-%d}")
