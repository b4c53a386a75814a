"""portal/static/vault/forward.js: a fax for another mailbox, as faxplan.forwarding wraps it."""

import io
from typing import Any

import pytest

from faxplan import forwarding, keyring, sealed
from faxplan.documents import ToWrap
from faxplan.forwarding import Handed, Offer
from faxplan.keyring import Epoch, Keyring
from faxplan.sealed import Context, Header, SealBroken, SealedReader
from faxplan.vault import MailboxKey
from tests.browser.browsers import Page
from tests.browser.test_keyring import (
    ANNA,
    ANNAS,
    BOB,
    BOBS,
    CARLA,
    CARLAS,
    CONTEXT,
    EPOCHS,
    Document,
    document,
    refusal,
    ring,
)

TARGET = 6
TARGETS, TARGETS_KEY = keyring.new_epoch({CARLAS: CARLA.public})
CARLAS_EPOCH = Epoch(TARGET, 4, TARGETS.public, TARGETS.wraps, None)
MAILBOX_KEY = MailboxKey(TARGET, 4, TARGETS.public)


def header_of(each: Document) -> Header:
    return sealed.read_header(io.BytesIO(each.content))[0]


def offer(*found: Document) -> Offer:
    """As the server makes it, of documents 1 and so on of fax 12."""
    documents = [
        ToWrap(
            number,
            header_of(each).digest,
            {(wrap["mailbox"], wrap["epoch"]): wrap["wrap"] for wrap in each.wraps},
        )
        for number, each in enumerate(found, 1)
    ]
    return Offer(12, MAILBOX_KEY, documents)


def given(offered: Offer) -> dict[str, Any]:
    """The same, for a browser."""
    target = offered.target
    return {
        "fax": offered.fax_id,
        "target": {"mailbox": target.mailbox_id, "epoch": target.epoch, "publicKey": target.public.raw},
        "documents": [
            {
                "document": each.document_id,
                "digest": each.digest,
                "wraps": [{"mailbox": place[0], "epoch": place[1], "wrap": wrap} for place, wrap in each.wraps.items()],
            }
            for each in offered.documents
        ],
    }


def wrapped_there(page: Page, offered: Offer) -> Handed:
    said = page.do("wrappedForMailbox", **ring({BOBS: BOB}), offer=given(offered))
    return Handed(said["fax"], said["mailbox"], said["epoch"], dict(said["wraps"]))


def test_what_the_browser_wraps_the_mailbox_s_readers_open_in_python(page: Page) -> None:
    """Of each of its documents its own, whichever of the mailbox's keys it was sealed to."""
    found = [document(1, plain=b"The TIFF."), document(3, plain=b"The PDF.")]
    handed = wrapped_there(page, offer(*found))
    assert (handed.fax_id, handed.mailbox_id, handed.epoch, sorted(handed.wraps)) == (12, TARGET, 4, [1, 2])
    opened = []
    for each, wrap in zip(found, (handed.wraps[1], handed.wraps[2]), strict=True):
        key = TARGETS_KEY.unwrap(wrap, header_of(each).digest)
        opened.append(SealedReader(io.BytesIO(each.content), key, Context(**CONTEXT)).read())
    assert opened == [b"The TIFF.", b"The PDF."]
    with pytest.raises(SealBroken):
        TARGETS_KEY.unwrap(handed.wraps[1], header_of(found[1]).digest)


def test_what_python_wraps_the_mailbox_s_readers_open_in_the_browser(page: Page) -> None:
    shown = document(2, plain=b"To be forwarded.")
    handed = forwarding.wrap(offer(shown), Keyring({BOBS: BOB}, EPOCHS))
    theirs = ring({CARLAS: CARLA}, [CARLAS_EPOCH])
    theirs["mailboxes"][0]["mailbox"] = TARGET
    wraps = [{"mailbox": handed.mailbox_id, "epoch": handed.epoch, "wrap": handed.wraps[1]}]
    assert page.do("openedByRing", **theirs, sealed=shown.content, wraps=wraps, expected=CONTEXT) == b"To be forwarded."


def test_who_reads_it_not_hands_nothing_on(page: Page) -> None:
    """Nor some of it: what is handed over is all of a fax."""
    some = offer(document(1), document(3))
    assert refusal(page, "wrappedForMailbox", **ring({ANNAS: ANNA}), offer=given(some)) == "needs-reader"


def test_a_digest_of_another_document_is_not_sealed_to(page: Page) -> None:
    """Whoever says what is to be wrapped cannot let a key be bound to a file of their own."""
    first, second = document(3), document(3)
    lying = given(offer(first))
    lying["documents"][0]["digest"] = header_of(second).digest
    assert refusal(page, "wrappedForMailbox", **ring({BOBS: BOB}), offer=lying) == "seal-broken"
