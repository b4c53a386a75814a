"""Why a mail is not taken. Each message says what its sender can do about it."""

from typing import ClassVar

from faxplan.errors import FaxplanError


class MailRefused(FaxplanError):
    """A mail cannot become a fax as it is; nothing was stored."""

    error_id: ClassVar[str] = "mail-refused"


class MailTooLarge(MailRefused):
    """More bytes than accepted."""

    error_id: ClassVar[str] = "mail-too-large"


class MailTooComplex(MailRefused):
    """More parts, nesting or header lines than any mail has that people write: damaged, or made to harm."""

    error_id: ClassVar[str] = "mail-too-complex"


class TooManyAttachments(MailRefused):
    """More files than one fax is made of."""

    error_id: ClassVar[str] = "too-many-attachments"


class UnclearSender(MailRefused):
    """It does not say who has written it: no address, several, or something that only looks like one."""

    error_id: ClassVar[str] = "unclear-sender"


class EncryptedMail(MailRefused):
    """Only its readers' keys open it (or show what is in it), and Faxplan has none of them."""

    error_id: ClassVar[str] = "encrypted-mail"


class ArchiveRefused(MailRefused):
    """An archive of files: which of them, and in what order, is the sender's to say."""

    error_id: ClassVar[str] = "archive-refused"


class DamagedMail(MailRefused):
    """Its parts, or one of them, cannot be read to the end."""

    error_id: ClassVar[str] = "damaged-mail"


class AttachedMail(MailRefused):
    """A mail in a form that only one program reads."""

    error_id: ClassVar[str] = "attached-mail"


class WrongAddress(MailRefused):
    """What a mail was sent to says no number, or more than one thing."""

    error_id: ClassVar[str] = "wrong-address"


class WrongOption(MailRefused):
    """An option in the subject or in a header is none, or has a value that it cannot have."""

    error_id: ClassVar[str] = "wrong-option"
