"""The doctor: looks at everything that Faxplan needs on this machine, and says what is missing and how to get it.

Looks only, changes nothing.
"""

from collections.abc import Sequence

from faxplan import (
    doctor_bucket,
    doctor_certificates,
    doctor_clock,
    doctor_database,
    doctor_folders,
    doctor_guard,
    doctor_host,
    doctor_keys,
    doctor_mail,
    doctor_monitoring,
    doctor_switch,
)
from faxplan.config import Settings
from faxplan.errors import InvalidSetting
from faxplan.findings import Finding, Level, error, ok


def examine(settings: Settings | InvalidSetting) -> list[Finding]:
    """Everything that can be looked at; less where the settings cannot be read."""
    findings = doctor_host.programs()
    if isinstance(settings, InvalidSetting):
        findings += doctor_switch.installed(works=False)
        findings.append(error("settings", str(settings), "docs/settings.md describes every setting."))
        return findings
    findings.append(ok("settings", "read"))
    findings.append(doctor_host.sandbox(settings))
    findings.append(doctor_clock.clock(doctor_clock.is_kept()))
    findings += doctor_folders.folders(settings)
    findings += doctor_bucket.bucket(settings)
    findings += doctor_keys.keys(settings)
    findings += doctor_mail.server(settings)
    database, seen = doctor_database.database(settings)
    findings += database
    findings += doctor_switch.installed(works=seen.runtime_works)
    findings += doctor_guard.password_file(settings)
    findings += doctor_mail.incoming(settings)
    findings += doctor_monitoring.monitoring(settings)
    findings += doctor_certificates.of_portal(settings)
    findings += doctor_switch.running(settings, seen.trunk_addresses, seen.transports, seen.switch_uuid)
    return findings


def has_errors(findings: Sequence[Finding]) -> bool:
    """Whether anything must be mended."""
    return any(finding.level is Level.ERROR for finding in findings)


def summary(findings: Sequence[Finding]) -> str:
    """All in one sentence."""
    errors = sum(finding.level is Level.ERROR for finding in findings)
    warnings = sum(finding.level is Level.WARNING for finding in findings)
    if not errors and not warnings:
        return f"{len(findings)} checks, all well."
    return f"{len(findings)} checks: {errors} to mend, {warnings} to look after."
