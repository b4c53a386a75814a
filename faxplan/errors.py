"""Every error that Faxplan raises on purpose.

A message says what is wrong and what to do about it. Code decides by class, or by `error_id` across a process or
network border, and never by text.
"""

from typing import ClassVar


class FaxplanError(Exception):
    """Base class. `retryable` says whether the same call may succeed later without anybody changing anything."""

    error_id: ClassVar[str] = "faxplan-error"
    retryable: ClassVar[bool] = False


class InvalidSetting(FaxplanError):
    """A setting is missing, malformed or contradicts another."""

    error_id = "invalid-setting"


class NoCallerId(FaxplanError):
    """The tenant has no number to call from."""

    error_id = "no-caller-id"


class NotFound(FaxplanError):
    """The thing does not exist, or belongs to another tenant: the two are never told apart."""

    error_id = "not-found"


class Forbidden(FaxplanError):
    """Who asks may not do this in their own organisation; the message says who may."""

    error_id = "forbidden"


class DocumentRefused(FaxplanError):
    """A document cannot be faxed as it is; nothing was stored."""

    error_id = "document-refused"


class RenderingFailed(FaxplanError):
    """A converter broke on an accepted document."""

    error_id = "rendering-failed"


class NoPages(FaxplanError):
    """The fax has no page (yet)."""

    error_id = "no-pages"


class PagesPurged(NoPages):
    """They were destroyed, and cannot be brought back."""

    error_id = "pages-purged"


class InvalidNumber(FaxplanError):
    """A telephone number cannot be brought into E.164 form, or may not be dialled."""

    error_id = "invalid-number"


class QuotaExceeded(FaxplanError):
    """The tenant's or user's page quota has no room for this fax."""

    error_id = "quota-exceeded"


class NoRoute(FaxplanError):
    """No enabled trunk serves this number."""

    error_id = "no-route"


class DatabaseUnavailable(FaxplanError):
    """PostgreSQL did not answer in time."""

    error_id = "database-unavailable"
    retryable = True


class SwitchUnavailable(FaxplanError):
    """The switch did not answer, or answered that it cannot take calls."""

    error_id = "switch-unavailable"
    retryable = True
