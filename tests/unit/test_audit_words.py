"""What stands in a tenant's audit is said in words: each act that any module records, and each way to be somebody."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from faxplan import audit_words, login
from portal.pages import welcome

MODULES = sorted(Path(audit_words.__file__).parent.glob("*.py"))
OPERATORS = {
    "database.backup", "database.create", "database.migrate", "failure-rule.reset", "failure-rule.set", "key.machine",
    "node.drain", "node.remove", "node.resume",
    "route.add", "route.change", "route.remove", "store.accept", "store.adopt", "store.remove-orphans", "trunk.add",
    "trunk.change", "trunk.remove", "trunk.take-over", "trunk.test", "trunk.wake", "vault.adopt", "vault.adopt-begin",
}  # fmt: skip
"""Acts of who runs the installation: their page shows them as they are."""


def recorded(module: Path) -> Iterator[str]:
    """The acts that a module records by name: `action=`, or an argument of a function that records."""
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [each.value for each in node.keywords if each.arg == "action"]
        if name in ("_record", "record", "_audit", "audited"):
            given += node.args
        for each in given:
            if isinstance(each, ast.Constant) and isinstance(each.value, str) and "." in each.value:
                yield each.value


FOUND = sorted({act for module in MODULES for act in recorded(module)})


def test_they_are_found() -> None:
    assert {"fax.submit", "contact.add", "brand.change", "quota.set", "draft.add", "sign-on.set"} <= set(FOUND)


@pytest.mark.parametrize("act", FOUND)
def test_each_act_has_words(act: str) -> None:
    said = audit_words.sentence(
        {"action": act, "actor": "user:7", "object": "x:1", "result": "done", "details": {}}, {"user:7": "Ann"}, "DE"
    )
    assert (act not in said) != (act in OPERATORS), said


@pytest.mark.parametrize(
    "how", [login.PASSWORD, login.WITH_CODE, login.PASSKEY, login.RECOVERY_CODE, login.SIGN_ON, welcome.INVITATION]
)
def test_each_way_to_log_in_has_words(how: str) -> None:
    assert audit_words.whence({"address": "", "authenticated": how}) not in ("", how)
