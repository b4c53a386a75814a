"""The corpus of mails, read: of each the right files and text, who says to have sent it, and whether that is proven."""

import hashlib
import io
from pathlib import Path

import pytest

from faxplan import incoming_mail, mail_authentication
from faxplan.mail_refusals import MailRefused
from tests.hostile import assert_nothing_ran
from tests.mail_corpus.building import MARK, MTA, Case
from tests.mail_corpus.corpus import ALL


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.name)
def test_what_comes_of_it(case: Case, tmp_path: Path) -> None:
    expected = case.expected
    if expected.refused:
        with pytest.raises(MailRefused) as refused:
            incoming_mail.read(io.BytesIO(case.make()), tmp_path, mark=MARK)
        assert refused.value.error_id == expected.refused
        return
    mail = incoming_mail.read(io.BytesIO(case.make()), tmp_path, mark=MARK)
    found = [(each.name, each.media_type, hashlib.sha256(each.path.read_bytes()).hexdigest()) for each in mail.files]
    assert found == [(each.name, each.media_type, each.digest) for each in expected.files]
    assert [each.size for each in mail.files] == [each.path.stat().st_size for each in mail.files]
    assert {each.path.parent for each in mail.files} <= {tmp_path}
    assert expected.body is None or mail.body == expected.body
    assert (mail.sender, mail.subject, mail.loops) == (expected.sender, expected.subject, expected.loops)
    assert mail.automatic == expected.automatic
    verdict = mail_authentication.sender_of(mail.headers, {MTA}, mail.sender)
    assert (verdict.proof or "") == expected.proof, verdict
    assert_nothing_ran()


def test_there_are_many_and_no_two_are_called_the_same() -> None:
    assert len(ALL) >= 200
    assert len({each.name for each in ALL}) == len(ALL)
