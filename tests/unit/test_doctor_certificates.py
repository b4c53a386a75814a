"""The doctor on certificates and the clock."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from faxplan import doctor_certificates, doctor_clock
from faxplan.config import Settings
from faxplan.findings import Finding, Level


class Switch:
    def __init__(self, certs: Path) -> None:
        self.certs = certs

    def api(self, command: str, timeout_seconds: float = 10.0) -> str:
        assert (command, timeout_seconds) == ("global_getvar certs_dir", 10.0)
        return f"{self.certs}\n"


def certificate(days: float, *hosts: str) -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fax")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=500))
        .not_valid_after(now + timedelta(days=days, minutes=1))
    )
    if hosts:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
        made = made.add_extension(alternatives, critical=False)
    return made.sign(key, hashes.SHA256())


def pem(days: float) -> bytes:
    return certificate(days).public_bytes(serialization.Encoding.PEM)


def key() -> bytes:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def of_switch(folder: Path, transport: str = "tls") -> list[Finding]:
    return doctor_certificates.of_switch(Switch(folder), {"carrier": transport})


@pytest.mark.parametrize(
    ("days", "level", "said"),
    [(90, Level.OK, "valid until"), (20, Level.WARNING, "in 20 days"), (-1, Level.ERROR, "expired on")],
)
def test_a_certificate_of_the_switch_by_the_days_that_it_has(
    tmp_path: Path, days: int, level: Level, said: str
) -> None:
    (tmp_path / "agent.pem").write_bytes(key() + pem(days))
    # Of the authorities that are trusted an old one is no fault.
    (tmp_path / "cafile.pem").write_bytes(pem(-400) + pem(400))
    agent, authorities = of_switch(tmp_path)
    assert (agent.what, agent.level) == ("certificate agent.pem", level)
    assert said in agent.found
    assert authorities.level is Level.OK


def test_without_a_trunk_over_tls_nobody_needs_one(tmp_path: Path) -> None:
    assert of_switch(tmp_path, "udp") == []


def test_one_that_is_missing_or_none_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "agent.pem").write_text("no certificate\n")
    assert [(each.level, each.what) for each in of_switch(tmp_path)] == [
        (Level.ERROR, "certificate agent.pem"),
        (Level.ERROR, "certificate cafile.pem"),
    ]


@pytest.mark.parametrize(
    ("hosts", "valid"),
    [
        (("fax.example", "*.fax.example"), True),
        (("acme.fax.example",), False),
        (("*.example",), False),
        ((), False),
    ],
)
def test_names_of_a_certificate(hosts: tuple[str, ...], valid: bool) -> None:
    assert doctor_certificates.names(certificate(90, *hosts), "tenant.fax.example") is valid


def test_the_portal_s_certificate_is_looked_at_where_a_proxy_stands_before_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = Settings(database_url="postgresql:///x", portal_domain="fax.example")
    assert doctor_certificates.of_portal(plain) == []
    behind = Settings(database_url="postgresql:///x", portal_domain="fax.example", portal_behind_proxy=True)
    monkeypatch.setattr(doctor_certificates, "_presented", lambda _host: certificate(5, "fax.example"))
    assert [(each.what, each.level) for each in doctor_certificates.of_portal(behind)] == [
        ("certificate of the portal", Level.WARNING),
        ("certificate of the portal, its names", Level.ERROR),
    ]

    def away(_host: str) -> x509.Certificate:
        raise ConnectionRefusedError(111, "Connection refused")

    monkeypatch.setattr(doctor_certificates, "_presented", away)
    (found,) = doctor_certificates.of_portal(behind)
    assert found.level is Level.WARNING
    assert "does not answer" in found.found


@pytest.mark.parametrize(("kept", "level"), [(True, Level.OK), (False, Level.WARNING), (None, Level.OK)])
def test_a_clock_that_nobody_keeps_is_a_warning(kept: bool | None, level: Level) -> None:
    assert doctor_clock.clock(kept).level is level


def test_the_kernel_says_whether_its_clock_is_kept() -> None:
    assert doctor_clock.is_kept() in (True, False)
