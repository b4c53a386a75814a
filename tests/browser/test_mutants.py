"""Each refusal of the vault is made by one line: without it, what is refused in the other tests is taken."""

from typing import Any

import pytest

from tests.browser import test_page_images, test_passphrases, test_sealed, test_wraps
from tests.browser.browsers import JavaScriptError, Page

CONTENT = test_sealed.sealed_bytes(b"A page.")
LONG = test_sealed.sealed_bytes(test_sealed.plain_bytes(test_sealed.CHUNK_BYTES + 5))
NO_PAGES = {each["about"]: each["zip"] for each in test_sealed.VECTORS["refused_page_images"]}
VECTORS = {each["about"]: each for each in test_sealed.VECTORS["refused"]}


def published(about: str) -> dict[str, Any]:
    vector = VECTORS[about]
    return {"sealed": bytes.fromhex(vector["sealed"]), "key": bytes.fromhex(vector["key"]), "expected": None}


def given_for(content: bytes, **expected: Any) -> dict[str, Any]:
    return {"sealed": content, "key": test_sealed.KEY, "expected": expected or None}


# The line, what stands in its place, and what is then taken: an action, with what it is given.
MUTANTS = {
    "the header's seal is not compared": (
        "sealed.js",
        "!(await crypto.subtle.verify(",
        "!(true || await crypto.subtle.verify(",
        ("opened", given_for(CONTENT.replace(b'"3f2a"', b'"3f2b"', 1))),
    ),
    "it is not asked which file it is": (
        "sealed.js",
        "expected !== null && !sameContext(",
        "expected !== null && false && !sameContext(",
        ("opened", given_for(CONTENT, tenant=8, document="3f2a", artefact="tiff")),
    ),
    "the tenant is not compared": (
        "header.js",
        "return one.tenant === other.tenant && one",
        "return one",
        ("opened", given_for(CONTENT, tenant=8, document="3f2a", artefact="tiff")),
    ),
    "the last chunk is not looked at first": (
        "sealed.js",
        "    await reader.#load(reader.#last);\n",
        "",
        ("part", given_for(LONG[:-1]) | {"start": 0, "end": 10}),
    ),
    "a file of full chunks may end with an empty one": (
        "sealed.js",
        " || (whole && rest === TAG_BYTES)",
        "",
        ("opened", published("an empty last chunk after a full one")),
    ),
    "a header may be written in many ways": (
        "header.js",
        "!isOurs(said) || !same(canonical(said), text)",
        "!isOurs(said)",
        ("opened", published("a header with a space")),
    ),
    "a salt may have capital letters": (
        "header.js",
        "^[0-9a-f]{",
        "^[0-9a-fA-F]{",
        ("opened", published("a header with capital hex in the salt")),
    ),
    "a tenant may be larger than numbers are exact for": (
        "header.js",
        "Number.isSafeInteger(said.tenant)",
        "Number.isInteger(said.tenant)",
        ("opened", published("a header with a tenant beyond what numbers in JSON are exact for")),
    ),
    "a wrapped private key need not be the named one": (
        "wraps.js",
        "if (!found.publicKey.equals(publicKey)) {",
        "if (false) {",
        (
            "unwrappedPrivate",
            {
                "privateKey": test_wraps.READER.raw,
                "wrap": test_wraps.lying_wrap(),
                "publicKey": test_wraps.MAILBOX.public.raw,
            },
        ),
    ),
    "an unlocked key need not be the user's": (
        "passphrases.js",
        "if (!found.publicKey.equals(publicKey)) {",
        "if (false) {",
        (
            "unlockedByCode",
            {
                "code": test_passphrases.CODE,
                "locked": test_passphrases.anothers_key(),
                "publicKey": test_passphrases.KEY.public.raw,
            },
        ),
    ),
    "a server may ask for less": (
        "passphrases.js",
        "cost.memory < FLOOR.memory ||",
        "",
        (
            "derived",
            {
                "password": test_passphrases.PASSWORD,
                "salt": test_passphrases.SALT,
                "cost": {"memory": 64, "passes": 3, "lanes": 1},
                "privateKey": test_passphrases.KEY.raw,
            },
        ),
    ),
    "page images may be in any order": (
        "page-images.js",
        "number <= last ||",
        "",
        ("pagesOf", {"archive": bytes.fromhex(NO_PAGES["pages in another order"]), "numbers": [1]}),
    ),
    "a page image may be deflated": (
        "page-images.js",
        "directory.getUint32(at + 8, true) === 0 &&",
        "",
        ("pagesOf", {"archive": bytes.fromhex(NO_PAGES["a flag"]), "numbers": [1]}),
    ),
    "a page image may be anything": (
        "page-images.js",
        "!PNG.every(",
        "false && !PNG.every(",
        ("pagesOf", {"archive": test_page_images.zipped({1: b"<svg/>"}), "numbers": [1]}),
    ),
    "no list of common passwords": (
        "new-password.js",
        "known.has(variant) || known.has(oncePer(variant))",
        "false",
        ("checked", {"password": "password2024!", "words": None}),
    ),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_without_its_line_a_refusal_is_gone(page: Page, name: str) -> None:
    module, old, new, (action, given) = MUTANTS[name]
    with pytest.raises(JavaScriptError) as refused:
        page.do(action, **given)
    assert refused.value.error_id
    page.do(action, base=page.mutant(module, old, new), **given)


def test_a_key_that_is_not_wiped_is_found(page: Page) -> None:
    raw = test_wraps.READER.raw
    mutant = page.mutant("wraps.js", "    this.wipe();\n", "")
    given = page.do("inKeeping", base=mutant, privateKey=raw, other=test_wraps.MAILBOX.raw)
    assert given["user"] == raw


def test_a_private_key_that_could_be_taken_out_is_no_reader(page: Page) -> None:
    mutant = page.mutant("wraps.js", '"pkcs8", pkcs8, false, ["deriveBits"]', '"pkcs8", pkcs8, true, ["deriveBits"]')
    with pytest.raises(JavaScriptError, match="a private key that could be taken out again"):
        page.do("publicOf", base=mutant, privateKey=test_wraps.READER.raw)
