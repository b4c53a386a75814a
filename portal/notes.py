"""What a form has done, said on the page to which it leads: by a word in that page's address."""

from faxplan.language import _, marked

_NOTES = {
    "saved": marked("Saved."),
    "added": marked("Added."),
    "added-person": marked(
        "Added. They log in by a link that you hand over to them: Make a link, at the end of this page."
    ),
    "removed": marked("Removed."),
    "taken-back": marked("Taken back. It works no more."),
    "ended": marked("Ended. It does nothing any more."),
    "not-faxed": marked("This number is on your organisation's do-not-fax list now: no fax to it is accepted."),
    "none-selected": marked("No fax was selected. Tick some, and try once more."),
    "labelled": marked("The label is on."),
    "unlabelled": marked("The label is off."),
    "read": marked("Marked as read."),
    "unread": marked("Marked as unread."),
    "restored": marked("Brought back."),
    "forwarded": marked("Forwarded. Who reads that mailbox finds a copy there; yours is where it was."),
    "moved": marked("Moved. It lies in the other mailbox now, and no more in the one before."),
    "told-again": marked("It is told within moments. Load this page again to see its answer."),
    "sent-again": marked("Handed in once more. Each number has a fax of its own in this list."),
    "ended-campaign": marked("Ended. Who was not called yet gets nothing."),
    "taken-away": marked("It is read no further. Who was found in it before stays."),
    "no-cover": marked("The cover page that was filled in cannot be taken over as it is: write it here."),
    "brought": marked("The numbers are being looked at. They stand below within moments."),
    "let-in": marked("Let in. They read all that lies in this mailbox, and what comes."),
}
NAME = "note"


def words(note: str) -> str:
    """In the language that is spoken; empty for what is none of ours."""
    return _(_NOTES[note]) if note in _NOTES else ""


def to(address: str, note: str) -> str:
    """The address of a page that says it."""
    if note not in _NOTES:
        raise ValueError(f"there is no note {note!r}")
    return f"{address}{'&' if '?' in address else '?'}{NAME}={note}"
