from pathlib import Path

from faxplan import failure_page
from faxplan.failure_policy import BY_CAUSE, BY_FAX_CODE

PAGE = Path(__file__).parents[2] / "docs" / "failures.md"


def test_the_page_says_what_the_table_decides() -> None:
    assert PAGE.read_text() == failure_page.page(), "write it anew: python -m faxplan.failure_page > docs/failures.md"


def test_every_cause_and_code_is_on_it() -> None:
    page = failure_page.page()
    assert [key for key in (*BY_CAUSE, *BY_FAX_CODE) if f"`{key}`" not in page] == []
