"""`faxplan label`, as its user types it."""

import json

import pytest

from tests.db.test_cli import said, shop
from tests.retained import received
from tests.world import World

__all__ = ["shop"]


def test_a_label_is_put_on_listed_and_taken_off(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    fax = str(received(shop, shop.acme, "one"))
    assert said(capsys, "label", "list")[0] == "No label. `faxplan label add FAX LABEL` puts one on.\n"
    assert said(capsys, "label", "add", fax, "Invoice")[0] == "Invoice\n"
    assert said(capsys, "label", "add", fax, "ARCHIVE")[0] == "ARCHIVE\nInvoice\n"
    (label, _) = json.loads(said(capsys, "label", "list", fax, "--json")[0])
    assert label["name"] == "ARCHIVE"
    assert said(capsys, "label", "remove", fax, "archive")[0] == "Invoice\n"
    assert said(capsys, "label", "list")[0] == "Invoice\n"


def test_what_is_no_fax_or_no_label_is_said_in_words(shop: World, capsys: pytest.CaptureFixture[str]) -> None:
    fax = str(received(shop, shop.acme, "one"))
    assert "You have no such fax" in said(capsys, "label", "add", "77", "Invoice", code=1)[1]
    assert "Write the name" in said(capsys, "label", "add", fax, "  ", code=1)[1]
    assert "You have no fax 77" in said(capsys, "label", "list", "77", code=1)[1]
