import json

import pytest

from faxplan import foreign_text


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (None, None),
        ("", None),
        ("Al Ice", "Al Ice"),
        ("a\0b", "a\\x00b"),
        ("\udcff\ud800", "\\udcff\\ud800"),
        ("<script>${system(id)}'\"\r\n", "<script>${system(id)}'\"\r\n"),
        ("x" * 10_000, "x" * 250),
        ("\0" * 10_000, ("\\x00" * 250)[:250]),
    ],
    ids=lambda value: ascii(value)[:20],
)
def test_text_is_kept_as_postgresql_and_json_can_hold_it(text: str | None, kept: str | None) -> None:
    found = foreign_text.kept(text)
    assert found == kept
    assert json.loads(json.dumps(found)) == found
    assert (found or "").encode("utf-8").count(b"\0") == 0
