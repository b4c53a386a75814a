from pathlib import Path

from faxplan import failure_page
from faxplan.failure_rules import SHIPPED

PAGE = Path(__file__).parents[2] / "docs" / "failures.md"


def test_the_page_says_what_the_table_decides() -> None:
    assert PAGE.read_text() == failure_page.page(), "write it anew: python -m faxplan.failure_page > docs/failures.md"


def test_every_condition_is_on_it() -> None:
    page = failure_page.page()
    assert [condition for condition in SHIPPED if f"`{condition.partition(':')[2]}`" not in page] == []
