"""The programs of docs/webhooks.md take what is ours, and nothing else."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from faxplan import webhook_sender, webhook_signatures, webhooks
from faxplan.webhook_signatures import SigningKeys
from tests.documented import claimed

PAGE = (Path(__file__).parents[2] / "docs" / "webhooks.md").read_text(encoding="utf-8")
PROGRAMS = claimed(__file__, "docs/webhooks.md", "python")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_programs_of_the_page_verify(program: str) -> None:
    spoken: dict[str, Any] = {}
    exec(program, spoken)  # noqa: S102 - our own page
    message = spoken["message"]
    old, new = SigningKeys.new(), SigningKeys.new()
    body, now = b'{"type":"webhook.test"}', int(time.time())
    headers = dict(webhook_signatures.headers([new, old], "msg_1", now, body))
    keys = [old.secret_text, new.secret_text]
    if "whpk_" in program:
        keys += [webhook_signatures.public_text(each.public_key) for each in (old, new)]
    for key in keys:
        assert message(key, headers, body) == {"type": "webhook.test"}
        for wrong in (
            {"webhook-id": "msg_2"},
            {"webhook-timestamp": str(now - 10)},
            webhook_signatures.headers([new, old], "msg_1", now - 301, body),
            webhook_signatures.headers([SigningKeys.new()], "msg_1", now, body),
        ):
            with pytest.raises(Exception, match=r"old|No matching|not from"):
                message(key, {**headers, **wrong}, body)
        with pytest.raises(Exception, match=r"No matching|not from"):
            message(key, headers, body + b" ")


def test_the_page_says_what_is_told_and_when_it_is_tried_again() -> None:
    assert len(PROGRAMS) == 2
    assert all(f"| `{each.value}` |" in PAGE for each in webhooks.Event)
    waits = "5 seconds, 1 minute, 5 minutes, 30 minutes, 2 hours, 5 hours, then every 10 hours"
    assert waits in PAGE
    units = {"second": 1, "minute": 60, "hour": 3600}
    found = re.findall(r"(\d+) (second|minute|hour)s?", waits)
    assert tuple(int(count) * units[unit] for count, unit in found) == webhook_sender.RETRY_SECONDS
    assert f"another for {webhooks.OVERLAP_HOURS} hours" in PAGE or f"them for {webhooks.OVERLAP_HOURS} hours" in PAGE
