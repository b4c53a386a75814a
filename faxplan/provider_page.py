"""docs/providers.md, written from data/providers.toml: `python -m faxplan.provider_page > docs/providers.md`."""

import sys

from faxplan import providers
from faxplan.language import _
from faxplan.providers import Provider

_HEAD = """# Carriers and T.38

Written by `python -m faxplan.provider_page` from `faxplan/data/providers.toml`, which also has the presets of
[guided trunk set-up](trunks.md).

What stands here was read in public pages, on the day that is named with each. None of it was tried by us, and carriers
change: where it matters, ask yours these four questions, and make a test fax (`faxplan trunk test NAME --to NUMBER`).

1. Is T.38 switched on for my account or number, for calls in both directions?
2. Who sends the re-INVITE to T.38: you, or the side that receives? (`--t38-request`)
3. Do you offer T.38 only after the answer? (An INVITE that has `m=image` beside `m=audio` is refused by FreeSWITCH.)
4. What do you do where T.38 is refused: does the call go on in G.711?

*Nothing found* means that we looked, with the words that are named, and not that the carrier has no T.38. Faxplan then
leaves T.38 on: where a carrier refuses it, a fax goes on in G.711 by itself.
"""
_SETTINGS = {
    "host": "host", "transport": "transport", "port": "port", "register": "registers", "called_format": "dials",
    "calling_format": "caller ID as", "caller_id_in": "caller ID in", "codec": "codec", "t38_request": "asks for T.38",
}  # fmt: skip


def page() -> str:
    """The page, in Markdown."""
    lines = [_HEAD, "| Carrier | Key | T.38 | Presets |", "|---|---|---|---|"]
    lines += [f"| {each.name} | `{each.key}` | {_short(each)} | {_presets(each)} |" for each in providers.everyone()]
    for each in providers.everyone():
        lines += ["", f"## {each.name}", "", _(providers.T38[each.t38]), ""]
        lines += [f"- {note.text} ([{note.source}]({note.url}), read {note.read})" for note in each.notes]
        if each.searched:
            lines.append(f"- Nothing found on T.38 with: {'; '.join(f'*{words}*' for words in each.searched)}.")
    return "\n".join([*lines, ""])


def _short(of: Provider) -> str:
    return {"yes": "yes", "no": "no", "unknown": "nothing found"}[of.t38]


def _presets(of: Provider) -> str:
    shown = {True: "yes", False: "no"}
    found = [f"{_SETTINGS[name]} `{shown.get(value, value)}`" for name, value in of.presets.items()]
    return ", ".join(found) or "none"


if __name__ == "__main__":
    sys.stdout.write(page())
