"""PGP/MIME: whom mail can be sealed to, and that they open it, and nobody else; with GnuPG, which made the keys."""

import contextlib
import os
import re
import subprocess
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pysequoia
import pytest

from faxplan import mail_openpgp
from faxplan.mail_openpgp import KeyRefused, key_of, sealed
from tests import fax_mails

DAY = timedelta(days=1)
LONG_AGO = "20200101T000000"


class KeyRing:
    """A folder of GnuPG's. The agent that it starts ends with it."""

    def __init__(self, folder: Path) -> None:
        folder.chmod(0o700)
        self._environment = {**os.environ, "GNUPGHOME": str(folder)}

    def gpg(self, *arguments: str, given: bytes = b"") -> bytes:
        command = ["gpg", "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", "", *arguments]
        done = subprocess.run(command, env=self._environment, input=given, capture_output=True, check=True)
        return done.stdout

    def make(
        self, name: str, kind: str, encrypts: str | None, *, ends: str = "never", at: str = "", lasts: str = "never"
    ) -> str:
        """A key for signatures, with one for encryption; its fingerprint.

        lasts, ends: so long the one and the other are good. at: when they are made, as GnuPG has it.
        """
        clock = ("--faked-system-time", at) if at else ()
        self.gpg(*clock, "--quick-generate-key", name, kind, "cert,sign", lasts)
        listed = self.gpg("--with-colons", "--list-keys", name).decode()
        fingerprint = re.findall(r"^fpr:+([0-9A-F]+):", listed, re.MULTILINE)[0]
        if encrypts is not None:
            self.gpg(*clock, "--quick-add-key", fingerprint, encrypts, "encr", ends)
        return fingerprint.lower()

    def export(self, *names: str, armor: bool = True) -> bytes:
        return self.gpg(*(["--armor"] if armor else []), "--export", *names)

    def close(self) -> None:
        subprocess.run(["gpgconf", "--kill", "all"], env=self._environment, check=True)


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyRing]:
    ring = KeyRing(tmp_path_factory.mktemp("gpg"))
    yield ring
    ring.close()


@pytest.fixture(scope="module")
def ann(ring: KeyRing) -> str:
    # Not all in one second: what was revoked in that in which it was made would not count as revoked.
    yesterday = f"{datetime.now(UTC) - DAY:%Y%m%dT%H%M%S}"
    fingerprint = ring.make("Ann (fax) <ann@acme.example>", "rsa2048", "rsa2048", ends="1y", at=yesterday)
    ring.gpg("--quick-add-uid", fingerprint, "Müller, Ann <mueller@acme.example>")
    ring.gpg("--faked-system-time", yesterday, "--quick-add-uid", fingerprint, "old@acme.example")
    ring.gpg("--quick-revoke-uid", fingerprint, "old@acme.example")
    return fingerprint


@pytest.fixture(scope="module")
def bob(ring: KeyRing) -> str:
    return ring.make("bob@acme.example", "ed25519", "cv25519")


@pytest.fixture(scope="module")
def gone(ring: KeyRing) -> str:
    """What it has for encryption ended long ago; the key itself never does."""
    return ring.make("gone@acme.example", "ed25519", "cv25519", ends="1m", at=LONG_AGO)


@pytest.mark.parametrize("armor", [True, False], ids=["armored", "binary"])
def test_a_key_is_read(ring: KeyRing, ann: str, armor: bool) -> None:
    found = key_of(ring.export(ann, armor=armor))
    assert found.fingerprint == ann
    assert sorted(found.addresses) == ["ann@acme.example", "mueller@acme.example"]
    assert found.is_for("Ann@acme.example")
    assert not found.is_for("old@acme.example")
    assert found.not_after is not None
    assert 363 * DAY < found.not_after - datetime.now(UTC) < 366 * DAY


def test_one_of_version_6_is_too() -> None:
    made = pysequoia.Tsk.generate("Zoë <zoe@acme.example>", profile=pysequoia.Profile.RFC9580)
    cert = made.extract_certificate()
    found = key_of(bytes(cert))
    assert (len(found.fingerprint), found.fingerprint) == (64, cert.fingerprint)
    pdf = fax_mails.pdf()
    opened = pysequoia.decrypt(body(sealed(fax_mails.mail(pdf), [found])), decryptor=made.decryptor()).bytes
    assert opened is not None
    fax_mails.assert_is_the_mail(opened, pdf)


def test_the_last_day_is_that_of_the_part_for_encryption(ring: KeyRing, gone: str) -> None:
    found = key_of(ring.export(gone), datetime(2020, 1, 2, tzinfo=UTC))
    assert found.not_after == datetime(2020, 1, 31, tzinfo=UTC)


def test_a_private_key_is_refused_and_said_to_be_one(ring: KeyRing, ann: str, bob: str) -> None:
    private = ring.gpg("--armor", "--export-secret-keys", ann)
    binary = ring.gpg("--export-secret-keys", ann)
    parts = ring.gpg("--export-secret-subkeys", ann)
    for content in (private, binary, parts, ring.export(bob) + private):
        with pytest.raises(KeyRefused, match="private key"):
            key_of(content)


def test_what_mail_is_not_to_be_sealed_to_is_refused(ring: KeyRing, ann: str, bob: str, gone: str) -> None:
    signs = ring.make("signs@acme.example", "ed25519", None)
    weak = ring.make("weak@acme.example", "rsa1024", "rsa1024")
    over = ring.make("over@acme.example", "ed25519", "cv25519", lasts="1m", at=LONG_AGO)
    revoked = ring.make("revoked@acme.example", "ed25519", "cv25519")
    revocation = (Path(ring._environment["GNUPGHOME"]) / "openpgp-revocs.d" / f"{revoked.upper()}.rev").read_text()
    ring.gpg("--import", given=revocation.replace(":-----BEGIN", "-----BEGIN").encode())
    whole = ring.export(ann, armor=False)
    for content, why in (
        (ring.export(gone), "expired on"),
        (ring.export(over), "expired on"),
        (ring.export(signs), "nothing for encryption"),
        (ring.export(weak), "nothing for encryption"),
        (ring.export(revoked), "revoked"),
        (ring.export(ann, bob), "several"),
        (ring.export(ann) + ring.export(bob), "several"),
        (whole[: len(whole) // 2], "no OpenPGP key|nothing for encryption"),
        (b"", "no OpenPGP key"),
        (b"Dear Sirs,", "no OpenPGP key"),
        (bytes(mail_openpgp.MOST_BYTES + 1), "too large"),
    ):
        with pytest.raises(KeyRefused, match=why):
            key_of(content)


def _packet(kind: int, body: bytes) -> bytes:
    return bytes([0xC0 | kind, 255]) + len(body).to_bytes(4, "big") + body


def test_what_is_no_key_is_not_unpacked_and_what_is_too_much_not_tried(ring: KeyRing, ann: str) -> None:
    whole = ring.export(ann, armor=False)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    data = _packet(8, b"\x01" + packer.compress(_packet(11, bytes(2**27))) + packer.flush())
    names = b"".join(_packet(13, b"u%d <a@x.example>" % each) for each in range(2000))
    for content, why in (
        (data, "no OpenPGP key"),
        (whole + data, "no OpenPGP key"),
        (whole + names, "more in this file"),
        (whole + _packet(14, bytes(5000)), "more in this file"),
        (whole + 20 * _packet(14, bytes(50)), "more in this file"),
        (b"\xcd\xe0" + bytes(100), "no OpenPGP key"),
        (b"\x9b" + whole, "no OpenPGP key"),
        (b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n!!\n-----END PGP PUBLIC KEY BLOCK-----\n", "no OpenPGP key"),
    ):
        with pytest.raises(KeyRefused, match=why):
            key_of(content)


def test_one_that_is_damaged_anywhere_is_read_or_refused(ring: KeyRing, bob: str) -> None:
    whole = ring.export(bob, armor=False)
    read = 0
    for at in range(len(whole)):
        for bits in (0x01, 0x40, 0xFF):
            damaged = whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :]
            with contextlib.suppress(KeyRefused):
                key_of(damaged)
                read += 1
    assert 0 < read < len(whole)


def test_who_has_the_key_opens_the_mail_and_nobody_else(
    ring: KeyRing, ann: str, bob: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pdf = fax_mails.pdf()
    raw = sealed(fax_mails.mail(pdf), [key_of(ring.export(each)) for each in (ann, bob)])
    fax_mails.assert_goes_through_any_relay(raw)
    for each in (ann, bob):
        alone = KeyRing(tmp_path_factory.mktemp("reader"))
        alone.gpg("--import", given=ring.gpg("--export-secret-keys", each))
        fax_mails.assert_is_the_mail(alone.gpg("--decrypt", given=body(raw)), pdf)
        alone.close()
    eve = KeyRing(tmp_path_factory.mktemp("eve"))
    eve.make("eve@acme.example", "ed25519", "cv25519")
    with pytest.raises(subprocess.CalledProcessError):
        eve.gpg("--decrypt", given=body(raw))
    eve.close()


def test_a_relay_reads_only_what_is_outside(ring: KeyRing, bob: str) -> None:
    raw = sealed(fax_mails.mail(fax_mails.pdf()), [key_of(ring.export(bob))])
    fax_mails.assert_says_only_what_is_outside(raw)
    outside = fax_mails.read(raw)
    version, content = outside.iter_parts()
    assert outside.get_content_type() == "multipart/encrypted"
    assert outside["Content-Type"].params["protocol"] == "application/pgp-encrypted"
    assert (version.get_content_type(), version.get_payload().strip()) == ("application/pgp-encrypted", "Version: 1")
    assert content.get_content_type() == "application/octet-stream"
    # No header in the armor: none that says which program made it.
    assert re.match(rb"-----BEGIN PGP MESSAGE-----\r?\n\r?\n", body(raw))
    said = ring.gpg("--list-packets", given=body(raw))
    assert b"mdc_method: 2" in said or b"aead" in said


def test_the_cipher_is_aes_256(ring: KeyRing, bob: str) -> None:
    raw = sealed(fax_mails.mail(fax_mails.pdf()), [key_of(ring.export(bob))])
    assert ring.gpg("--show-session-key", "--status-fd", "1", "--decrypt", given=body(raw)).count(
        b"DECRYPTION_INFO 2 9"
    )


def test_it_is_not_sealed_to_a_key_that_has_expired_since(ring: KeyRing, ann: str) -> None:
    key = key_of(ring.export(ann))
    with pytest.raises(KeyRefused, match="expired on"):
        sealed(fax_mails.mail(b"%PDF-"), [key], datetime.now(UTC) + 400 * DAY)


def test_nor_to_nobody() -> None:
    with pytest.raises(ValueError, match="nobody"):
        sealed(fax_mails.mail(b"%PDF-"), [])


def body(raw: bytes) -> bytes:
    _version, content = fax_mails.read(raw).iter_parts()
    found = content.get_content()
    assert isinstance(found, bytes)
    return found
