"""What is to be translated: all messages of pages, scripts and domain. `make messages` brings the catalogues to it.

A message is what stands in `_`, `gettext`, `ngettext`, `marked` or {% trans %}. Catalogues: faxplan/locale.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_file
from babel.messages.pofile import read_po, write_po

from faxplan import language
from faxplan.constraints import CONSTRAINT_MESSAGES

PROJECT = Path(__file__).resolve().parent.parent
_KEYWORDS = {**DEFAULT_KEYWORDS, "marked": None}
_PLACES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("faxplan/*.py", "python", {}),
    ("portal/*.py", "python", {}),
    ("portal/api/*.py", "python", {}),
    ("portal/pages/**/*.py", "python", {}),
    ("portal/templates/**/*.html", "jinja2", {"trimmed": "true", "silent": "false"}),
    ("portal/static/pages/*.js", "javascript", {}),
    ("portal/static/vault/*.js", "javascript", {}),
)


def extracted() -> Catalog:
    """All messages, with the files in which they stand."""
    found = Catalog(project="faxplan")
    for pattern, method, options in _PLACES:
        for path in sorted(PROJECT.glob(pattern)):
            for _line, message, _comments, context in extract_from_file(
                method, path, keywords=_KEYWORDS, options=options
            ):
                # By file alone: with line numbers, each change of the code would be one of every catalogue.
                found.add(message, locations=[(str(path.relative_to(PROJECT)), 0)], context=context)
    for message in CONSTRAINT_MESSAGES.values():
        found.add(message, locations=[("faxplan/constraints.py", 0)])
    return found


def untranslated(catalogue: Catalog) -> Iterator[Message]:
    """Of a catalogue, what has no translation, or one that somebody is to look at."""
    for message in catalogue:
        said = message.string if isinstance(message.string, tuple | list) else (message.string,)
        if message.id and (message.fuzzy or not said or not all(said)):
            yield message


def _update(path: Path, now: Catalog) -> int:
    """How many of its messages are to be translated then."""
    with path.open("rb") as file:
        catalogue = read_po(file, locale=path.stem)
    # Else each run would change it.
    created = catalogue.creation_date
    catalogue.update(now, no_fuzzy_matching=True)
    catalogue.creation_date = created
    catalogue.obsolete.clear()
    with path.open("wb") as file:
        write_po(file, catalogue, width=120, include_lineno=False, sort_output=True, omit_header=False)
    return sum(1 for _each in untranslated(catalogue))


def main() -> int:
    """Updates each catalogue; 1 where something is left to be translated."""
    now, left = extracted(), 0
    for path in sorted(language.FOLDER.glob("*.po")):
        count = _update(path, now)
        left += count
        print(f"{path.relative_to(PROJECT)}: {len(now)} messages, {count} to be translated")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
