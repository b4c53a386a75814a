"""The code blocks of the pages, and who runs their commands: a mark stands before each block that has any.

    <!-- run: tests/api/test_docs.py -->                   that test takes them from here (`claimed`), and runs them;
                                                           or several do, with commas between
    <!-- not run: needs root on a machine of your own -->  nobody does, and why

A mark is no part of what a reader sees. tests/unit/test_documented.py fails for a block with neither.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

PROJECT = Path(__file__).parents[1]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").rglob("*.md"))]
RUN, NOT_RUN = "run", "not run"

_MARK = re.compile(r"<!-- (run|not run): (.+?) -->\s*", re.DOTALL)
_LANGUAGES = {"sh", "bash", "console", "python"}
"""Of fences: what is run. Others (json, xml, toml ...) are data, or code for other programs."""
_COMMAND = re.compile(
    # Settings before it, and whose right it takes; then a program by its path, or one of those that pages name.
    r"^ {0,3}(?:\$ )?(?:[A-Z_]+=\S+ )*(?:sudo )?(?:"
    r"(?:\./|install/|(?:\.venv|fax|\w+)/bin/|/usr/(?:local/)?s?bin/)[\w./-]+(?: |$)|"
    r"(?:apt|apt-get|cd|certbot|chmod|chown|cp|curl|createdb|debootstrap|dpkg|dpkg-deb|export|"
    r"fail2ban-client|faxplan|fs_cli|git|grep|install|journalctl|kill|ln|logrotate|make|mkdir|mv|mysqldump|"
    r"nginx|openssl|pg_dump|pg_restore|pip|postconf|postfix|psql|python|python3|rm|rsync|runuser|sed|sh|"
    r"sha256sum|ssh|systemctl|systemd-run|tail|tar|useradd|vagrant) (?! )\S)"
)


@dataclass(frozen=True)
class Block:
    """Of a page. line: where it begins; language: of a fence, or ""; mark: RUN or NOT_RUN; says: what it tells."""

    page: Path
    line: int
    language: str
    text: str
    mark: str | None
    says: str

    @property
    def has_commands(self) -> bool:
        """Whether somebody is meant to run it."""
        return self.language in _LANGUAGES or (
            not self.language and any(_COMMAND.match(line) for line in self.text.splitlines())
        )

    @property
    def run_by(self) -> list[str]:
        """Tests, by their files."""
        return self.says.split(", ") if self.mark == RUN else []

    def __str__(self) -> str:
        return f"{self.page.relative_to(PROJECT)}:{self.line}"


@cache
def blocks(page: Path) -> list[Block]:
    """All of a page, fenced and indented, in order."""
    return list(_blocks(page))


def _blocks(page: Path) -> Iterator[Block]:
    before = None
    for token in MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8")):
        if token.type in ("fence", "code_block") and token.map is not None:
            mark = _MARK.fullmatch(before.content) if before is not None and before.type == "html_block" else None
            yield Block(
                page, token.map[0] + 1, token.info.strip(), token.content, *(mark.groups() if mark else (None, ""))
            )
        before = token


def claimed(test: str, page: str, language: str = "") -> list[str]:
    """What a test has to run: the blocks of a page that are marked with its file's name. At least one."""
    found = [
        each.text
        for each in blocks(PROJECT / page)
        if Path(test).relative_to(PROJECT).as_posix() in each.run_by and each.language == language
    ]
    assert found, f"{page} has no block of {language or 'indented'} commands with <!-- run: {test} -->"
    return found
