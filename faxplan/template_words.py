"""Text with fields that administrators write, in a small part of Jinja's language: of cover pages, and of mails.

An administrator writes it and everybody's faxes fill it in, so there is nothing in it that could run for long or
reach anything: fields, conditions, and a few filters that make text no longer than it was. What is not named here is
refused as it is entered, with its line; what is let in is rendered in Jinja's immutable sandbox all the same.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import ClassVar

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment

from faxplan.errors import FaxplanError
from faxplan.language import _

FILTERS = ("upper", "lower", "capitalize", "title", "trim")
"""Without arguments, all of them."""
_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template, nodes.Output, nodes.TemplateData, nodes.Name, nodes.Const, nodes.If, nodes.CondExpr, nodes.And,
    nodes.Or, nodes.Not, nodes.Compare, nodes.Operand, nodes.Filter,
)  # fmt: skip
_MOST_PARTS = 400
"""Fields, conditions and pieces of text of one template."""


class InvalidTemplate(FaxplanError):
    """A template has what templates cannot have; the message says where."""

    error_id: ClassVar[str] = "invalid-template"


class FilledTooLong(FaxplanError):
    """With these values a template gives too much text."""

    error_id: ClassVar[str] = "filled-too-long"


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    # Plain text, which is drawn: there is nothing to escape.
    made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in FILTERS}
    made.tests.clear()
    return made


class Words:
    """Templates of one kind. fields: what may stand in them; None: any name in small letters. longest: in characters;
    most: of what one gives."""

    def __init__(self, fields: tuple[str, ...] | None, *, longest: int, most: int) -> None:
        self.fields = fields
        self.longest = longest
        self.most = most

    def check(self, text: str) -> frozenset[str]:
        """Which fields it has. Raises InvalidTemplate, with the line that is wrong."""
        if len(text) > self.longest:
            words = _("The text has more than {most} characters. Make it shorter.")
            raise InvalidTemplate(words.format(most=self.longest))
        try:
            parsed = _environment().parse(text)
        except TemplateSyntaxError as error:
            raise _wrong(error.lineno, _("this is not closed, or not written as it should be ({why}).").format(
                why=error.message)) from error  # fmt: skip
        except (TemplateError, RecursionError, OverflowError, ValueError) as error:
            raise InvalidTemplate(_("The text cannot be read. Write it with fewer brackets.")) from error
        names = set()
        for count, node in enumerate(_below(parsed)):
            if count >= _MOST_PARTS:
                raise InvalidTemplate(_("The text has too many fields and conditions. Make it simpler."))
            _check(node, self.fields)
            if isinstance(node, nodes.Name):
                names.add(node.name)
        _compiled(text)
        return frozenset(names)

    def filled(self, text: str, values: Mapping[str, str]) -> str:
        """What a template says with these values; a field without one is empty. Raises InvalidTemplate and
        FilledTooLong."""
        names = self.check(text)
        given = {name: values.get(name, "") for name in names}
        pieces, length = [], 0
        try:
            for piece in _compiled(text).generate(given):
                pieces.append(piece)
                length += len(piece)
                if length > self.most:
                    raise FilledTooLong(_("The text becomes too long. Make it shorter."))
        except TemplateError as error:
            raise InvalidTemplate(_("The text cannot be filled in: {why}").format(why=str(error)[:200])) from error
        return "".join(pieces)


def _compiled(text: str) -> Template:
    try:
        return _environment().from_string(text)
    except (TemplateError, SyntaxError, RecursionError, MemoryError) as error:
        raise InvalidTemplate(_("The text has too many conditions in each other. Make it simpler.")) from error


def _check(node: nodes.Node, fields: tuple[str, ...] | None) -> None:
    if isinstance(node, nodes.Filter) and node.name not in FILTERS:
        raise _wrong(node.lineno, _("there is no filter {name}. Those that there are: {all}.").format(
            name=_short(node.name), all=", ".join(FILTERS)))  # fmt: skip
    if isinstance(node, nodes.Name):
        _check_name(node, fields)
    if type(node) not in _ALLOWED:
        first = "name" if fields is None else fields[0]
        raise _wrong(node.lineno, _(
            "only fields, as in {field}, and conditions, as in {condition}, may stand here."
        ).format(field=f"{{{{ {first} }}}}", condition="{% if subject %} ... {% endif %}"))  # fmt: skip
    if isinstance(node, nodes.Filter) and (node.args or node.kwargs or node.dyn_args or node.dyn_kwargs):
        raise _wrong(node.lineno, _("the filter {name} takes nothing in brackets.").format(name=node.name))
    if isinstance(node, nodes.Const) and not isinstance(node.value, str):
        raise _wrong(node.lineno, _("texts in quotation marks only, and no numbers."))


def _check_name(node: nodes.Name, fields: tuple[str, ...] | None) -> None:
    # Jinja has a word `self`, which is no text.
    if fields is None and (node.name != node.name.lower() or node.name.startswith("_") or node.name == "self"):
        raise _wrong(node.lineno, _("there is no field {name}. Write fields in small letters.").format(
            name=_short(node.name)))  # fmt: skip
    if fields is not None and node.name not in fields:
        raise _wrong(node.lineno, _("there is no field {name}. Those that there are: {all}.").format(
            name=_short(node.name), all=", ".join(fields)))  # fmt: skip


def _below(node: nodes.Node) -> Iterator[nodes.Node]:
    """A node and all in it, without recursion: how deep it is, a stranger says."""
    waiting = [node]
    while waiting:
        taken = waiting.pop(0)
        yield taken
        waiting.extend(taken.iter_child_nodes())


def _wrong(line: int, why: str) -> InvalidTemplate:
    return InvalidTemplate(_("Line {line}: {why}").format(line=line, why=why))


def _short(name: str) -> str:
    return name if len(name) <= 40 else f"{name[:40]}..."
