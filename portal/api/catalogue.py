"""Every error_id that the API answers with, the status that goes with it, and what a program does then.

docs/api.md and the page of problems have this table.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Known:
    """words: what it means, and what to do."""

    error_id: str
    status: int
    words: str


ERRORS: Sequence[Known] = (
    Known("not-readable", 400, "The body is no JSON, or the request cannot be read."),
    Known("not-authenticated", 401, "No API key came along, or one that opens nothing (any more)."),
    Known("no-scope", 403, "The key does not name the scope that this takes. Make a key with it."),
    Known("forbidden", 403, "The key's user may not do this."),
    Known("tenant-disabled", 403, "The organisation is switched off."),
    Known("not-found", 404, "There is no such address or thing, or the user does not see it."),
    Known("no-such-method", 405, "The address has no such method."),
    Known("already-final", 409, "The fax has ended, so it cannot be stopped."),
    Known("not-ended", 409, "The fax has not ended, so it cannot be deleted. Stop it first."),
    Known("held", 409, "The fax is under legal hold, and cannot be deleted."),
    Known("no-pages", 409, "The fax has no pages yet."),
    Known("campaign-state", 409, "The campaign is not in a state in which this can be done."),
    Known("campaign-file-in-hand", 409, "Recipients are still being looked at. Try again in a moment."),
    Known("no-recipients", 409, "The campaign has no recipients yet."),
    Known("request-in-hand", 409, "The same request is being worked on. Repeat it in a moment, with the same key."),
    Known("pages-purged", 410, "The pages were destroyed, as the organisation's retention has it."),
    Known("too-large", 413, "The body is larger than is taken here."),
    Known("wrong-media-type", 415, "Send the body as application/json, or with files as multipart/form-data."),
    Known("invalid-request", 422, "The request is not as it has to be; `errors` says where."),
    Known("invalid-idempotency-key", 422, "An Idempotency-Key has 1 to 255 visible ASCII characters."),
    Known("idempotency-key-reused", 422, "Another request came with this Idempotency-Key. Take a new one."),
    Known("invalid-number", 422, "A number is none, or not one that can be called."),
    Known("emergency-number", 422, "Emergency numbers are never faxed to."),
    Known("short-number", 422, "Short numbers are never faxed to."),
    Known("number-barred", 422, "The operator has barred calls to this number."),
    Known("number-blocked", 422, "The organisation may not call this number."),
    Known("number-not-allowed", 422, "The organisation may call listed numbers alone."),
    Known("kind-barred", 422, "The organisation may not call numbers of this kind."),
    Known("do-not-fax", 422, "The number is on the organisation's do-not-fax list."),
    Known("no-number", 422, "Nobody said where the fax goes."),
    Known("too-many-numbers", 422, "A document goes to 100 numbers at a time."),
    Known("foreign-caller-id", 422, "The user may not call as this number (`GET /numbers`)."),
    Known("no-caller-id", 422, "There is no number to call as."),
    Known("no-route", 422, "No trunk leads there."),
    Known("no-billing-code", 422, "The organisation takes a billing code with each fax."),
    Known("invalid-send-time", 422, "The time is over, or more than a year ahead."),
    Known("quota-exceeded", 422, "More pages than may be sent (`GET /quota`)."),
    Known("not-enrolled", 422, "The user has no key yet, so nothing can be sealed for them. They log in once."),
    Known("invalid-cover", 422, "The cover page cannot be as it is wanted."),
    Known("cover-too-long", 422, "What the cover page says does not fit on it."),
    Known("empty-document", 422, "A document is empty."),
    Known("unsupported-document", 422, "A document is of a kind that cannot be faxed."),
    Known("damaged-document", 422, "A document is damaged or cut off."),
    Known("encrypted-document", 422, "A PDF needs a password (`password`)."),
    Known("document-refused", 422, "A document cannot be faxed."),
    Known("document-too-large", 422, "A document is too large."),
    Known("document-too-expensive", 422, "A document takes too much time or memory."),
    Known("too-many-pages", 422, "A document has more pages than can be faxed."),
    Known("page-too-large", 422, "A page is larger than can be faxed."),
    Known("inflates-too-far", 422, "A document is packed so that it grows without bounds."),
    Known("too-many-files", 422, "More files than a fax takes."),
    Known("address-refused", 422, "A document's address is none, or leads where nothing is fetched from."),
    Known("fetch-refused", 422, "A document's server does not give it, or gives what is not taken."),
    Known("invalid-label", 422, "A label has 1 to 40 characters, on one line."),
    Known("too-many-labels", 422, "The organisation has as many labels as it can."),
    Known("fax-full-of-labels", 422, "The fax has as many labels as it can."),
    Known("constraint-violated", 422, "A value is not one that can be kept; `detail` says which."),
    Known("value-refused", 422, "A value cannot be kept."),
    Known("too-many-contacts", 422, "There is no room for another contact."),
    Known("too-many-groups", 422, "There is no room for another group."),
    Known("group-full", 422, "The group has no room for so many contacts."),
    Known("invalid-campaign", 422, "The campaign cannot be as it is wanted."),
    Known("invalid-campaign-cover", 422, "A text of a campaign's cover page cannot be filled in; `detail` says where."),
    Known("invalid-opt-out-notice", 422, "The organisation's opt-out notice names what is not there."),
    Known("invalid-webhook", 422, "The webhook cannot be as it is wanted, or not in its state."),
    Known("no-column", 422, "A CSV file has no column with numbers."),
    Known("unreadable-file", 422, "A CSV file cannot be read."),
    Known("not-shared", 422, "A shared group takes shared contacts only."),
    Known("too-many-requests", 429, "The key has made its requests of a minute. Go on after `Retry-After` seconds."),
    Known("internal", 500, "Something went wrong here, and was written down as the number in `detail`."),
    Known("fetch-failed", 502, "A document's server did not answer, or not as it should. Try again later."),
    Known("fetch-busy", 503, "As many documents are being fetched as can be. Try again in a few seconds."),
    Known("database-unavailable", 503, "Something that this needs is away. Try again after `Retry-After` seconds."),
    Known("store-unavailable", 503, "Something that this needs is away. Try again after `Retry-After` seconds."),
    Known("document-lost", 503, "A file is not where it lay. Whoever runs the service has to look."),
    Known("sandbox-unavailable", 503, "Documents cannot be worked on at this moment. Try again later."),
    Known("rendering-failed", 422, "A document could not be made into pages."),
    Known("no-dispatch", 503, "No machine that sends is at work at this moment. Try again later."),
)
BY_ID = {each.error_id: each for each in ERRORS}
