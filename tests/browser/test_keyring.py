"""portal/static/vault/keyring.js: from a user's keys over a mailbox's epochs to a document, as faxplan.keyring goes."""

import io
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from faxplan import keyring, sealed, wraps
from faxplan.keyring import Epoch, Keyring, NewEpoch
from faxplan.sealed import Context, SealBroken
from faxplan.wraps import PrivateKey, PublicKey
from tests.browser.browsers import JavaScriptError, Page

CONTEXT = {"tenant": 7, "document": "3f2a", "artefact": "tiff"}
ANNA, BOB, CARLA = (wraps.new_key_pair() for _ in range(3))
ANNAS, BOBS, CARLAS = 11, 12, 13
"""Ids of their keys."""
MAILBOX = 5
# Bob joined with the third epoch, for which Anna left.
FIRST, FIRST_KEY = keyring.new_epoch({ANNAS: ANNA.public})
SECOND, SECOND_KEY = keyring.new_epoch({ANNAS: ANNA.public}, FIRST_KEY)
THIRD, THIRD_KEY = keyring.new_epoch({BOBS: BOB.public}, SECOND_KEY)
KEYS = {1: FIRST_KEY, 2: SECOND_KEY, 3: THIRD_KEY}


def epoch(number: int, new: NewEpoch) -> Epoch:
    return Epoch(MAILBOX, number, new.public, new.wraps, new.earlier)


EPOCHS = [epoch(3, THIRD), epoch(1, FIRST), epoch(2, SECOND)]


@dataclass(frozen=True)
class Document:
    content: bytes
    wraps: list[dict[str, Any]]

    def given(self) -> dict[str, Any]:
        return {"sealed": self.content, "wraps": self.wraps}


def document(number: int, plain: bytes = b"A page.") -> Document:
    key, header, target = sealed.new_key(), sealed.new_header(Context(**CONTEXT)), io.BytesIO()
    sealed.seal(io.BytesIO(plain), target, key, header)
    wrap = KEYS[number].public.wrap(key, header.digest)
    return Document(target.getvalue(), [{"mailbox": MAILBOX, "epoch": number, "wrap": wrap}])


def ring(own: Mapping[int, PrivateKey], epochs: list[Epoch] = EPOCHS) -> dict[str, Any]:
    """Of the user with these keys, given what the server has of the mailbox."""
    said = [
        {
            "number": each.number,
            "publicKey": each.public.raw,
            "wraps": list(each.wraps.items()),
            "earlier": each.earlier,
        }
        for each in epochs
    ]
    return {
        "own": [(key_id, key.raw) for key_id, key in own.items()],
        "mailboxes": [{"mailbox": MAILBOX, "epochs": said}],
    }


def refusal(page: Page, action: str, **given: Any) -> str | None:
    with pytest.raises(JavaScriptError) as refused:
        page.do(action, **given)
    return refused.value.error_id


@pytest.mark.parametrize("number", KEYS)
def test_one_wrap_of_the_newest_epoch_gives_the_history(page: Page, number: int) -> None:
    given = page.do("openedByRing", **ring({BOBS: BOB}), **document(number).given(), expected=CONTEXT)
    assert given == b"A page."


def test_who_left_reads_what_was_there_and_nothing_later(page: Page) -> None:
    for number in (1, 2):
        given = page.do("openedByRing", **ring({ANNAS: ANNA}), **document(number).given(), expected=CONTEXT)
        assert given == b"A page."
    assert (
        refusal(page, "openedByRing", **ring({ANNAS: ANNA}), **document(3).given(), expected=CONTEXT) == "needs-reader"
    )


def test_a_key_that_was_replaced_opens_what_was_its_own(page: Page) -> None:
    both = {99: wraps.new_key_pair(), BOBS: BOB}
    assert page.do("openedByRing", **ring(both), **document(1).given(), expected=CONTEXT) == b"A page."
    locked = {99: both[99]}
    assert refusal(page, "openedByRing", **ring(locked), **document(3).given(), expected=CONTEXT) == "needs-reader"


@pytest.mark.parametrize("mailboxes", [[], [{"mailbox": 6, "epochs": []}]])
def test_without_the_mailbox_there_is_no_reader(page: Page, mailboxes: list[dict[str, Any]]) -> None:
    given = {"own": [(ANNAS, ANNA.raw)], "mailboxes": mailboxes}
    assert refusal(page, "openedByRing", **given, **document(1).given(), expected=CONTEXT) == "needs-reader"


def test_a_link_opens_an_epoch_whose_own_wrap_is_damaged(page: Page) -> None:
    damaged = [EPOCHS[0], EPOCHS[1], replace(EPOCHS[2], wraps={BOBS: bytes(80)})]
    assert page.do("openedByRing", **ring({BOBS: BOB}, damaged), **document(2).given(), expected=CONTEXT) == b"A page."


@pytest.mark.parametrize(
    "damaged",
    [
        [replace(EPOCHS[0], earlier=THIRD_KEY.public.wrap_private(CARLA)), *EPOCHS[1:]],
        [replace(EPOCHS[0], wraps={BOBS: THIRD.wraps[BOBS][:-1]}), *EPOCHS[1:]],
        [replace(EPOCHS[0], public=CARLA.public), *EPOCHS[1:]],
    ],
    ids=["a link to another key", "a wrap cut off", "another public key"],
)
def test_what_is_damaged_is_told_so(page: Page, damaged: list[Epoch]) -> None:
    """And Python's ring does not open it either."""
    assert (
        refusal(page, "openedByRing", **ring({BOBS: BOB}, damaged), **document(1).given(), expected=CONTEXT)
        == "seal-broken"
    )
    assert Keyring({BOBS: BOB}, damaged).key_of(MAILBOX, 1) is None


def test_of_several_wraps_a_good_one_is_found(page: Page) -> None:
    good = document(2)
    others = [
        {"mailbox": 99, "epoch": 1, "wrap": bytes(80)},
        {"mailbox": MAILBOX, "epoch": 3, "wrap": document(3).wraps[0]["wrap"]},
    ]
    given = {"sealed": good.content, "expected": CONTEXT}
    assert page.do("openedByRing", **ring({BOBS: BOB}), **given, wraps=others + good.wraps) == b"A page."
    assert refusal(page, "openedByRing", **ring({BOBS: BOB}), **given, wraps=others[::-1]) == "seal-broken"


def test_another_document_is_refused_in_its_place(page: Page) -> None:
    other = CONTEXT | {"document": "other"}
    assert refusal(page, "openedByRing", **ring({BOBS: BOB}), **document(3).given(), expected=other) == "seal-broken"


def test_a_forwarded_document_opens_for_its_new_reader_in_python(page: Page) -> None:
    shown = document(1, plain=b"To be forwarded.")
    wrap = page.do("forwarded", **ring({BOBS: BOB}), **shown.given(), reader=CARLA.public.raw)
    header, _ = sealed.read_header(io.BytesIO(shown.content))
    reader = sealed.SealedReader(io.BytesIO(shown.content), CARLA.unwrap(wrap, header.digest), Context(**CONTEXT))
    assert reader.read() == b"To be forwarded."


def test_another_member_gets_the_key_from_one_who_has_it(page: Page) -> None:
    given = {"mailbox": MAILBOX, "number": 3, "member": CARLA.public.raw}
    wrap = page.do("wrappedForMember", **ring({BOBS: BOB}), **given)
    theirs = Keyring({CARLAS: CARLA}, [replace(EPOCHS[0], wraps={CARLAS: wrap}), *EPOCHS[1:]])
    assert [theirs.key_of(MAILBOX, number) for number in KEYS] == list(KEYS.values())
    assert refusal(page, "wrappedForMember", **ring({ANNAS: ANNA}), **given) == "needs-reader"


def test_a_link_that_is_missing_is_made_by_who_has_both(page: Page) -> None:
    unlinked = [replace(EPOCHS[0], earlier=None), *EPOCHS[1:]]
    link = page.do("linked", **ring({ANNAS: ANNA}, unlinked), mailbox=MAILBOX, number=3)
    assert THIRD_KEY.unwrap_private(link, SECOND_KEY.public) == SECOND_KEY
    assert refusal(page, "linked", **ring({BOBS: BOB}, unlinked), mailbox=MAILBOX, number=3) == "needs-reader"


def new_epoch(page: Page, members: dict[int, PublicKey], **given: Any) -> Epoch:
    people = [(key_id, public.raw) for key_id, public in members.items()]
    made = page.do("newEpoch", **given, mailbox=MAILBOX, members=people)
    public = wraps.PublicKey(made["publicKey"])
    return Epoch(MAILBOX, made["number"], public, dict(made["wraps"]), made["earlier"])


def test_a_new_epoch_is_for_those_who_stay_and_has_the_history(page: Page) -> None:
    newest = new_epoch(page, {BOBS: BOB.public, CARLAS: CARLA.public}, **ring({BOBS: BOB}))
    assert (newest.number, list(newest.wraps)) == (4, [BOBS, CARLAS])
    # Python opens it, and what Python opens the browser does.
    theirs = Keyring({CARLAS: CARLA}, [newest, *EPOCHS])
    assert theirs.key_of(MAILBOX, 4) is not None
    assert [theirs.key_of(MAILBOX, number) for number in KEYS] == list(KEYS.values())
    hers = ring({CARLAS: CARLA}, [newest, *EPOCHS])
    assert page.do("openedByRing", **hers, **document(1).given(), expected=CONTEXT) == b"A page."
    for wrap in newest.wraps.values():
        with pytest.raises(SealBroken):
            ANNA.unwrap_private(wrap, newest.public)


def test_the_first_epoch_has_none_before_it(page: Page) -> None:
    first = new_epoch(page, {BOBS: BOB.public}, own=[(BOBS, BOB.raw)], mailboxes=[])
    assert (first.number, first.earlier) == (1, None)
    assert Keyring({BOBS: BOB}, [first]).key_of(MAILBOX, 1) is not None


@pytest.mark.parametrize("own", [{ANNAS: ANNA}, {BOBS: CARLA}], ids=["no wrap", "a wrap that does not open"])
def test_who_leaves_is_kept_out_also_where_the_history_is_not_at_hand(page: Page, own: dict[int, PrivateKey]) -> None:
    newest = new_epoch(page, {CARLAS: CARLA.public}, **ring(own))
    assert (newest.number, newest.earlier) == (4, None)
    assert Keyring({CARLAS: CARLA}, [newest, *EPOCHS]).key_of(MAILBOX, 4) is not None


@pytest.mark.parametrize("less", [True, False], ids=["the server says less", "log-out"])
def test_what_is_forgotten_opens_nothing(page: Page, less: bool) -> None:
    assert refusal(page, "forgotten", **ring({BOBS: BOB}), **document(3).given(), less=less) == "needs-reader"
