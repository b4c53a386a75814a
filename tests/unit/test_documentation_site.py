"""The pages as `make docs` builds them, without building them: each has its place, and no link leads nowhere."""

import re
import tomllib
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.documented import PAGES, PROJECT

DOCS = PROJECT / "docs"
SITE = tomllib.loads((PROJECT / "zensical.toml").read_text())["project"]
COMING = set(re.findall(r'^ *# \{ ".+" = "(.+\.md)" \},$', (PROJECT / "zensical.toml").read_text(), re.MULTILINE))
"""Pages that have a place, and are not written yet: links to them stand in other pages already."""


@cache
def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def links(page: Path) -> list[str]:
    inline = (child for token in tokens(page) for child in token.children or ())
    return [str(child.attrs.get("href") or child.attrs.get("src")) for child in inline
            if child.type in ("link_open", "image")]  # fmt: skip


def said(token: Token) -> str:
    return "".join(child.content for child in token.children or () if child.type in ("text", "code_inline"))


def where_it_lies(heading: str) -> str:
    """The anchor where Markdown is shown as it lies in a repository: blanks become hyphens, one by one."""
    return re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", heading.strip().lower()))


def on_the_site(heading: str) -> str:
    """The anchor of Python-Markdown (toc.slugify), which Zensical takes."""
    plain = unicodedata.normalize("NFKD", heading).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())


@cache
def anchors(page: Path) -> set[str]:
    """Those that a page has in both, so that a link to one holds wherever it is read."""
    headings = [said(after) for token, after in zip(tokens(page), tokens(page)[1:], strict=False)
                if token.type == "heading_open"]  # fmt: skip
    twice = {name for name, count in Counter(map(where_it_lies, headings)).items() if count > 1}
    return {where_it_lies(each) for each in headings if where_it_lies(each) == on_the_site(each)} - twice


def in_the_navigation(entries: list[Any]) -> list[str]:
    found = []
    for entry in entries:
        if isinstance(entry, str):
            found.append(entry)
        else:
            for value in entry.values():
                found += [value] if isinstance(value, str) else in_the_navigation(value)
    return found


def test_every_page_has_one_place_in_the_navigation() -> None:
    named = in_the_navigation(SITE["nav"])
    there = {page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")}
    assert {name for name, count in Counter(named).items() if count > 1} == set()
    assert there - set(named) == set(), "Give them a place in zensical.toml; some stand there commented out already."
    assert set(named) - there == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_no_link_leads_nowhere(page: Path) -> None:
    for link in links(page):
        parts = urlsplit(link)
        if parts.scheme:
            assert parts.scheme in ("https", "mailto"), link
            continue
        target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
        if target.parent == DOCS and target.name in COMING:
            continue
        assert target.exists(), f"{page.name}: {link}"
        # What a page of docs/ leads to is on the site.
        assert page.parent == PROJECT or target.is_relative_to(DOCS), f"{page.name}: {link} leads out of docs/"
        if parts.fragment:
            assert parts.fragment in anchors(target), f"{page.name}: {link}: no such heading, or one of two"


def test_links_are_found() -> None:
    assert sum(len(links(page)) for page in PAGES) > 150
    assert "the-database" not in anchors(DOCS / "install-on-freeswitch.md")
    assert "5-the-database" in anchors(DOCS / "install-on-freeswitch.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_a_list_is_one_on_the_site_as_well(page: Path) -> None:
    """Python-Markdown, which Zensical takes, reads on in the paragraph where a list follows without an empty line."""
    lines = page.read_text().splitlines()
    starts = [token.map[0] for token in tokens(page)
              if token.type.endswith("list_open") and token.level == 0 and token.map is not None]  # fmt: skip
    assert [f"{page.name}:{at + 1}" for at in starts if at and lines[at - 1]] == [], "an empty line before it"


def test_it_is_built_strictly_and_fetches_nothing_from_elsewhere() -> None:
    assert SITE["theme"]["font"] is False
    assert "extra" not in SITE
    assert SITE["validation"] == {"invalid_links": True, "invalid_link_anchors": True}
    makefile = (PROJECT / "Makefile").read_text()
    assert "zensical build --strict" in makefile
    assert "install/finish_site.py" in makefile
