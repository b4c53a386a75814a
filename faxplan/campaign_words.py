"""Fields of a campaign's recipients, and the words of its cover pages that have them (template_words).

A column's heading becomes the name of a field: in small letters, with _ for whatever is neither letter nor digit
(`First name` is `first_name`). `name` and `number` are fields of every recipient.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields

from faxplan import cover_templates, covers, numbers
from faxplan.cover_templates import CoverTemplate
from faxplan.covers import Wanted
from faxplan.errors import FaxplanError
from faxplan.language import _
from faxplan.template_words import FilledTooLong, InvalidTemplate, Words

_RESERVED = frozenset({"and", "else", "false", "if", "in", "is", "none", "not", "or", "self", "true"})
_LINE = Words(None, longest=2 * covers.LONGEST, most=20_000)
_MESSAGE = Words(None, longest=covers.LONGEST_MESSAGE, most=20_000)


class InvalidCampaignCover(FaxplanError):
    """What the covers of a campaign are to say cannot be filled in; the message says where."""

    error_id = "invalid-campaign-cover"


@dataclass(frozen=True, slots=True)
class CampaignCover:
    """What the covers of a campaign say: texts with fields of the recipient, but for phone. template_id: as
    cover_templates.get."""

    template_id: int = cover_templates.PLAIN_ID
    to_name: str = "{{ name }}"
    to_company: str = ""
    subject: str = ""
    message: str = ""
    phone: str = ""
    reference: str = ""

    @classmethod
    def of(cls, wanted: Wanted) -> "CampaignCover":
        """What a fax's cover says, to each, without fields but for the name: who has one is called by it."""
        name, own = _literal(wanted.to_name), cls().to_name
        return cls(
            cover_templates.PLAIN_ID if wanted.template_id is None else wanted.template_id,
            to_name=f"{{% if name %}}{own}{{% else %}}{name}{{% endif %}}" if name else own,
            to_company=_literal(wanted.to_company),
            subject=_literal(wanted.subject),
            message=_literal(wanted.message),
            phone=wanted.phone,
            reference=_literal(wanted.reference),
        )

    def used(self) -> frozenset[str]:
        """The fields that are in it. Raises InvalidCampaignCover, with the line that is wrong."""
        found: set[str] = set()
        for where, words, text in self._texts():
            try:
                found |= words.check(text)
            except InvalidTemplate as error:
                raise InvalidCampaignCover(_("{where}: {why}").format(where=where, why=str(error))) from error
        covers.checked(Wanted(phone=self.phone))
        return frozenset(found)

    def filled(self, values: Mapping[str, str]) -> Wanted:
        """What one cover says; a field without a value is empty. Raises InvalidCampaignCover and InvalidCover."""
        said = []
        for where, words, text in self._texts():
            try:
                said.append(words.filled(text, values))
            except (InvalidTemplate, FilledTooLong) as error:
                raise InvalidCampaignCover(_("{where}: {why}").format(where=where, why=str(error))) from error
        name, company, subject, message, reference = said
        return covers.checked(Wanted(self.template_id, name, company, subject, message, self.phone, reference))

    def _texts(self) -> list[tuple[str, Words, str]]:
        return [
            (_("Name"), _LINE, self.to_name), (_("Company"), _LINE, self.to_company),
            (_("Subject"), _LINE, self.subject), (_("Message"), _MESSAGE, self.message),
            (_("Reference"), _LINE, self.reference),
        ]  # fmt: skip


def _literal(text: str) -> str:
    """A text that says what stands there, whatever braces it has."""
    return re.sub(r"\{(?=[{%#])", "{{ '{' }}", text)


@dataclass(frozen=True, slots=True)
class Kept:
    """A cover as it is sealed: with the organisation's cover page as that was when it was set."""

    cover: CampaignCover
    template: CoverTemplate

    def packed(self) -> bytes:
        """As `of` reads it."""
        said = {"body": self.template.body, "footer": self.template.footer, "name": self.template.name}
        return json.dumps({"cover": asdict(self.cover), "template": said}).encode()

    @classmethod
    def of(cls, packed: bytes) -> "Kept":
        """From what `packed` gave."""
        read = json.loads(packed)
        known = {each.name for each in fields(CampaignCover)}
        cover = CampaignCover(**{name: value for name, value in read["cover"].items() if name in known})
        said = read["template"]
        return cls(cover, CoverTemplate(cover.template_id, said["name"], said["body"], said["footer"]))


def field_name(heading: str) -> str:
    """The field of a column; empty: there is none."""
    name = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", heading).lower()).strip("_")
    if name[:1].isdigit():
        name = f"column_{name}"
    if name in _RESERVED:
        name += "_"
    return name if name.isidentifier() else ""


def headings_of(headings: Iterable[str]) -> dict[str, list[str]]:
    """Which headings each field has, in their order: files of one campaign may write them differently."""
    found: dict[str, list[str]] = {}
    for heading in headings:
        name = field_name(heading)
        if name:
            found.setdefault(name, []).append(heading)
    return found


def values_of(number: str | None, name: str, given: Mapping[str, str]) -> dict[str, str]:
    """The fields of one recipient. given: what stands beside the number, by heading."""
    found: dict[str, str] = {}
    for heading, value in given.items():
        found.setdefault(field_name(heading), value)
    if name:
        found["name"] = name
    found["number"] = numbers.readable(number, None) if number else ""
    return found
