"""The settings in force, and what the doctor finds, as far as this process sees."""

from werkzeug.wrappers import Response

from faxplan import doctor
from portal import answers
from portal.visit import Visit


def page(visit: Visit) -> Response:
    """GET: the settings, passwords masked."""
    return answers.page(
        visit, "installation/settings.html", settings=visit.its_settings.printable(), findings=None, summary=""
    )


def examine(visit: Visit) -> Response:
    """POST: and what the doctor finds from here; it looks only."""
    findings = doctor.examine(visit.its_settings)
    return answers.page(
        visit,
        "installation/settings.html",
        settings=visit.its_settings.printable(),
        findings=findings,
        summary=doctor.summary(findings),
    )
