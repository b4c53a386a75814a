"""Writes faxplan_client/answers.py anew (`make answers`): the OpenAPI document's answers, as Python's dataclasses."""

import textwrap
from pathlib import Path
from typing import Any

from portal.api import openapi

FILE = Path(__file__).resolve().parents[2] / "faxplan_client" / "answers.py"
_HEAD = '''"""What the API answers with. Written by `make answers` from the OpenAPI document; do not edit.

New members and new values may come at any time: a text that is one of several is a plain `str` for that.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
'''
_SECRETS = ("secret", "wrap", "locked", "earlier", "link")
"""Members that are not printed."""
_TEXTS = {"date-time": "datetime", "base64url": "bytes"}
_OTHERS = {"integer": "int", "number": "float", "boolean": "bool", "object": "dict[str, Any]", "string": "str"}


def text() -> str:
    """The module, as it has to be."""
    schemas = openapi.document()["components"]["schemas"]
    classes: dict[str, str] = {}
    for path in openapi.document()["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status != "default":
                    _enter(response.get("content", {}).get("application/json", {}), schemas, classes)
    return "\n\n".join([_HEAD, *classes.values()])


def _enter(value: Any, schemas: dict[str, Any], classes: dict[str, str]) -> None:
    """What is named in a schema, each class behind those that it needs."""
    if isinstance(value, list):
        for each in value:
            _enter(each, schemas, classes)
    elif isinstance(value, dict):
        if "$ref" in value:
            name = _name(value)
            if name not in classes and schemas[name].get("type") == "object":
                _enter(schemas[name]["properties"], schemas, classes)
                classes[name] = _class(name, schemas)
        for each in value.values():
            _enter(each, schemas, classes)


def _name(value: dict[str, Any]) -> str:
    return str(value["$ref"]).rpartition("/")[2]


def _class(name: str, schemas: dict[str, Any]) -> str:
    schema = schemas[name]
    lines = ["@dataclass(frozen=True, slots=True)", f"class {name}:", *_said(schema.get("description", name)), ""]
    for member, value in schema["properties"].items():
        hidden = " = field(repr=False)" if member in _SECRETS else ""
        lines.append(f"    {member}: {_kind(value, schemas)}{hidden}")
        values = _values(value, schemas)
        one_of = f"One of: {', '.join(f'`{each}`' for each in values)}." if values else ""
        lines += _said(" ".join(filter(None, (value.get("description", ""), one_of))))
    return "\n".join(lines) + "\n"


def _said(words: str) -> list[str]:
    if not words:
        return []
    return [f"    {line}" for line in textwrap.wrap(f'"""{words}"""', 116)]


def _kind(value: dict[str, Any], schemas: dict[str, Any]) -> str:
    if "$ref" in value:
        schema = schemas[_name(value)]
        return _name(value) if schema.get("type") == "object" else _OTHERS.get(schema.get("type", ""), "Any")
    if "anyOf" in value:
        return " | ".join("None" if each.get("type") == "null" else _kind(each, schemas) for each in value["anyOf"])
    if value.get("type") == "array":
        return f"list[{_kind(value['items'], schemas)}]"
    return _TEXTS.get(value.get("format", ""), _OTHERS.get(value.get("type", ""), "Any"))


def _values(value: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    if "$ref" in value:
        return _values(schemas[_name(value)], schemas)
    if "items" in value:
        return _values(value["items"], schemas)
    found: list[str] = value.get("enum", [])
    for each in value.get("anyOf", ()):
        found = found or _values(each, schemas)
    return found


if __name__ == "__main__":
    FILE.write_text(text(), encoding="utf-8")
