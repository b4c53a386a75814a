"""Where the mails of `make run` lie."""

from pathlib import Path

import pytest

from faxplan.run_mail import KeptMail


def test_each_recipients_mails_are_numbered_and_private(tmp_path: Path) -> None:
    kept = KeptMail(tmp_path / "mail")
    found = [kept.keep(each, each.encode()) for each in ("ann@x.example", "bob@x.example", "ann@x.example")]
    assert [str(each.relative_to(tmp_path)) for each in found] == [
        "mail/ann@x.example/1.eml", "mail/bob@x.example/1.eml", "mail/ann@x.example/2.eml",
    ]  # fmt: skip
    assert found[2].read_bytes() == b"ann@x.example"
    assert {each.stat().st_mode & 0o777 for each in found} == {0o600}


@pytest.mark.parametrize("recipient", ["../up@x.example", "..", "/etc/passwd", "a/b@x.example", "", "a\0b@x"])
def test_no_address_leads_out_of_the_folder(tmp_path: Path, recipient: str) -> None:
    kept = KeptMail(tmp_path / "mail").keep(recipient, b"")
    assert kept.parent.parent == tmp_path / "mail"
