"""The API for who writes programs: every operation, as the OpenAPI document has it, and every problem."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from werkzeug.wrappers import Response

from faxplan import api_rate, api_requests
from faxplan.errors import NotFound
from faxplan.language import _, speaks
from portal import answers
from portal.api import catalogue, openapi, operations
from portal.api.operations import OPERATIONS
from portal.roles import ADMINISTRATOR, OPERATOR, USER
from portal.visit import MOST_BYTES, Visit

PAGES = (f"{operations.ROOT}/", operations.ROOT, f"{operations.ROOT}/problems")
"""Below the API, but for people."""
_ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Field:
    """name: with those above it, as `cover.subject`. kind: in words."""

    name: str
    kind: str
    is_required: bool
    words: str


@dataclass(frozen=True, slots=True)
class Shown:
    """An operation. asks, gives: what stands in a request and in its answer."""

    name: str
    method: str
    path: str
    summary: str
    scope: str
    asks: list[Field]
    gives: list[Field]
    is_file: bool
    takes_files: bool
    may_repeat: bool
    role: str
    media_type: str


_ROLES = {USER: "", ADMINISTRATOR: "administrators of the organisation", OPERATOR: "who runs the installation"}


def page(visit: Visit) -> Response:
    """GET: all operations; what they ask for and answer of one group at a time (`group`), as it is much to read."""
    _check_there(visit)
    asked = visit.request.args.get("group")
    shown = next((each for each in _groups() if slug(each) == asked), None)
    if asked is not None and shown is None:
        raise NotFound(_("There is no such group of operations in this API."))
    # What the OpenAPI document says is in English, and so is this.
    with speaks(_ENGLISH):
        return answers.page(
            visit, "api.html", groups=_groups(), shown=shown, slug=slug, root=operations.ROOT,
            host=visit.request.host_url.rstrip("/"),
            per_minute=visit.its_settings.api_requests_per_minute, window=api_rate.WINDOW_SECONDS,
            kept=api_requests.KEPT_HOURS, most_mb=MOST_BYTES // 1024**2,
            most_json_mb=operations.MOST_JSON_BYTES // 1024**2,
        )  # fmt: skip


def problems(visit: Visit) -> Response:
    """GET: what `type` of a problem leads to."""
    _check_there(visit)
    with speaks(_ENGLISH):
        return answers.page(visit, "api_problems.html", errors=catalogue.ERRORS, root=operations.ROOT)


def _check_there(visit: Visit) -> None:
    if visit.settings is None:
        raise NotFound(_("There is no API here."))


def slug(group: str) -> str:
    """A group in an address."""
    return group.lower().replace(" ", "-")


@cache
def _groups() -> dict[str, list[Shown]]:
    document = openapi.document()
    known = {each.name: each for each in OPERATIONS}
    found: dict[str, list[Shown]] = {}
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            each = known[said["operationId"]]
            body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            answer = said["responses"][str(each.status)].get("content", {}).get("application/json", {})
            asks = [
                Field(one["name"], f"{_kind(one['schema'], document)}, in the {one['in']}", one["required"],
                      one.get("description", ""))
                for one in said["parameters"] if one["in"] != "header"
            ]  # fmt: skip
            found.setdefault(each.group, []).append(
                Shown(
                    each.name, method.upper(), path, each.summary, "" if each.scope is None else each.scope.value,
                    [*asks, *_fields(body, document)], list(_fields(answer.get("schema", {}), document)),
                    each.is_file, each.takes_files, each.may_repeat, _ROLES[each.role], each.media_type,
                )
            )  # fmt: skip
    return found


def _fields(schema: Mapping[str, Any], document: Mapping[str, Any], before: str = "") -> Iterator[Field]:
    """Of an object, with those of the objects in it."""
    whole = _resolved(schema, document)
    for each in whole.get("oneOf", []):
        which = _resolved(each, document).get("description", "")
        for field in _fields(each, document, before):
            yield replace(field, is_required=False, words=" ".join(filter(None, (f"({which})", field.words))))
    for name, one in whole.get("properties", {}).items():
        inner = _resolved(one, document)
        yield Field(
            f"{before}{name}", _kind(one, document), name in whole.get("required", ()),
            one.get("description", "") or (inner.get("description", "") if "enum" in inner else ""),
        )  # fmt: skip
        listed = inner.get("type") == "array"
        yield from _fields(inner["items"] if listed else one, document, f"{before}{name}{'[]' if listed else ''}.")


def _resolved(schema: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        resolved: Mapping[str, Any] = document["components"]["schemas"][name]
        return resolved
    some = [each for each in schema.get("anyOf", []) if each.get("type") != "null"]
    if len(some) == 1:
        return _resolved(some[0], document)
    return schema


def _kind(schema: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """`text`, `number`, `list of text`, `one of a, b`, `time`."""
    found = _resolved(schema, document)
    if "enum" in found:
        return "one of " + ", ".join(str(each) for each in found["enum"])
    if "const" in found:
        return str(found["const"])
    if found.get("type") == "array":
        return f"list of {_kind(found['items'], document)}"
    by_format = {"date-time": "time", "uri": "address", "binary": "file", "base64": "base64"}
    kinds = {
        "string": "text", "integer": "number", "number": "number", "boolean": "true or false", "object": "object",
    }  # fmt: skip
    form = found.get("format") or found.get("contentEncoding") or ""
    return by_format.get(form) or kinds.get(str(found.get("type")), "object")
