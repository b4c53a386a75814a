"""Turn an office document into a PDF by LibreOffice, where it is installed. Runs in the sandbox."""

from pathlib import Path

from faxplan import sandbox
from faxplan.errors import RenderingFailed
from faxplan.language import _
from faxplan.source import UnsupportedDocument, soffice


def to_pdf(document: Path, job: Path) -> Path:
    """The PDF, in `job`. Raises UnsupportedDocument without LibreOffice, RenderingFailed if it could not convert."""
    program = soffice()
    if program is None:
        raise UnsupportedDocument(
            _(
                "This is an office document, and LibreOffice, which would convert it, is not installed on this "
                "server. Save it as PDF and send that, or ask your administrator to install LibreOffice."
            )
        )
    copy = job / "office-document"
    copy.symlink_to(document)
    process = sandbox.command(command(program, copy, job), job)
    said, _errors = process.communicate()
    pdf = copy.with_suffix(".pdf")
    if process.returncode != 0 or not pdf.exists():
        why = said.decode("utf-8", "replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise RenderingFailed(
            _("LibreOffice could not convert this document ({why}). Save it as PDF and send that.").format(
                why=why[0][:120]
            )
        )
    return pdf


def command(program: str, document: Path, job: Path) -> list[str]:
    """The one place where LibreOffice's command line is built. Its profile is the job's own, with macros off."""
    return [
        program,
        f"-env:UserInstallation=file://{job}/profile",
        "--headless",
        "--norestore",
        "--nolockcheck",
        "--convert-to",
        "pdf",
        "--outdir",
        str(job),
        str(document),
    ]
