import pytest

from faxplan.signed_notes import InvalidKey, NoteRefused, Signer, Verifier

# The example of C2SP's signed-note.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# The example of golang.org/x/mod/sumdb/note.
SKEY = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz"
NEUMANN = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
SIGNED = (
    f"{TEXT}\n\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_the_example_of_the_specification_is_opened() -> None:
    assert Verifier.of(VKEY).opened(NOTE) == "This is an example message.\n"


def test_a_note_is_signed_as_go_signs_it() -> None:
    signer = Signer.of(SKEY + "\n")
    assert signer.verifier.vkey == NEUMANN
    assert signer.signed(TEXT) == SIGNED
    assert Verifier.of(NEUMANN).opened(SIGNED) == TEXT


def test_a_new_key_is_kept_as_text_and_signs() -> None:
    signer = Signer.new("fax.example.com/audit")
    again = Signer.of(signer.private_text)
    assert again == signer
    assert signer.verifier.opened(again.signed("one\ntwo\n")) == "one\ntwo\n"
    assert signer.seed.hex() not in repr(signer)


def test_another_key_of_the_same_name_is_not_trusted() -> None:
    signed = Signer.new("fax.example.com/audit").signed("text\n")
    with pytest.raises(NoteRefused, match="not signed by"):
        Signer.new("fax.example.com/audit").verifier.opened(signed)


def test_signatures_of_others_are_passed_over() -> None:
    signer, witness = Signer.new("fax.example.com/audit"), Signer.new("witness.example")
    note = signer.signed("text\n") + witness.signed("text\n").partition("\n\n")[2]
    assert signer.verifier.opened(note) == witness.verifier.opened(note) == "text\n"


@pytest.mark.parametrize(
    "note",
    [
        NOTE.replace("example message", "exemple message"),
        NOTE.replace("Uw2QOkn8", "Uw2QOkn9"),
        NOTE.replace("message.\n", "message.\r\n"),
        NOTE.removesuffix("\n"),
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("\u2014 ", "- "),
        NOTE.replace("aQM=", "a!M="),
        "This is an example message.\n\n",
        "",
    ],
)
def test_a_note_that_was_changed_is_refused(note: str) -> None:
    with pytest.raises(NoteRefused):
        Verifier.of(VKEY).opened(note)


@pytest.mark.parametrize("key", ["", "name", VKEY[:-4], VKEY.replace("530d903a", "530d903b"), VKEY.replace("+A", "+B"),
                                 VKEY.replace("/foo", "/fou"), "+530d903a+AekyeRrm"])  # fmt: skip
def test_a_verifier_key_that_was_changed_is_refused(key: str) -> None:
    with pytest.raises(InvalidKey):
        Verifier.of(key)


@pytest.mark.parametrize("key", ["", NEUMANN, SKEY.replace("AYEK", "AYEL"), SKEY.replace("Peter", "Pieter")])
def test_a_private_key_that_was_damaged_is_refused(key: str) -> None:
    with pytest.raises(InvalidKey):
        Signer.of(key)


@pytest.mark.parametrize("name", ["", "two words", "a+b", "a\u2003b", "a\nb"])
def test_a_name_that_no_note_can_have_is_refused(name: str) -> None:
    with pytest.raises(InvalidKey, match="name"):
        Signer.new(name)
