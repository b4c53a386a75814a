"""The page runs under the portal's policy: without it the other tests would show nothing about the portal."""

import pytest

from tests.browser.browsers import JavaScriptError, Page


def test_neither_inline_scripts_nor_eval_nor_other_hosts(page: Page) -> None:
    done = page.do("forbidden")
    assert done == {"inline": None, "evaluated": "EvalError", "elsewhere": "TypeError", "secure": True}


def test_the_worker_runs_under_the_policy_that_its_own_script_came_with(page: Page) -> None:
    given = {"password": "four words by the sea", "salt": bytes(16)}
    assert page.do("beside", **given) > 0
    with pytest.raises(JavaScriptError) as refused:
        page.do("beside", base="/no-wasm", **given)
    assert refused.value.error_id == "cannot-derive"
    assert "Content Security Policy" in refused.value.cause or "CSP" in refused.value.cause
