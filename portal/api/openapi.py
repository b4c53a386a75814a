"""The OpenAPI 3.1 document: of the operations, and of the shapes by which requests are validated."""

import json
import re
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.wrappers import Response

from portal.api import operations
from portal.api.bodies import FILE
from portal.api.operations import OPERATIONS, ROOT, Operation
from portal.api.problems import CONTENT_TYPE
from portal.roles import ADMINISTRATOR, OPERATOR, USER

VERSION = "1.0.0"
_PARAMETER = re.compile(r"<(?:(?P<kind>[a-z]+)(?:\((?P<given>[^<>]*)\))?:)?(?P<name>[a-z0-9_]+)>")
_REFERENCE = "#/components/schemas/{model}"
_PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "What went wrong (RFC 9457).",
    "required": ["type", "title", "status", "detail", "error_id", "retryable"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "In words for people."},
        "error_id": {"type": "string", "description": "By which a program tells one from another."},
        "retryable": {"type": "boolean", "description": "The same request may succeed later."},
        "errors": {
            "type": "array",
            "description": "Where the request is not as it has to be.",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {"type": "string", "description": "A JSON Pointer (RFC 6901)."},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}
_RATE = {
    "RateLimit": {"description": "Requests left in this minute, and seconds until the next.",
                  "schema": {"type": "string"}},
    "RateLimit-Policy": {"description": "Requests that may be made in a minute.", "schema": {"type": "string"}},
}  # fmt: skip


def answer() -> Response:
    """The document."""
    return Response(_text(), content_type="application/json", headers={"Cache-Control": "no-cache"})


@cache
def _text() -> str:
    return json.dumps(document())


@cache
def document() -> dict[str, Any]:
    """As a value."""
    definitions, components = _schemas()
    paths: dict[str, Any] = {}
    for each in OPERATIONS:
        path = _PARAMETER.sub(r"{\g<name>}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each, definitions)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Fax API", "version": VERSION, "description": _DESCRIPTION},
        "servers": [{"url": ROOT}],
        "security": [{"key": []}],
        "paths": paths,
        "components": {
            "schemas": components | {"Problem": _PROBLEM},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, as `fxp_...`."}
            },
            "responses": {
                "Problem": {
                    "description": "It was refused, or failed.",
                    "headers": _RATE,
                    "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
                }
            },
        },
    }


_DESCRIPTION = (
    "Sends faxes, and looks after them. Documents are sealed: what comes in is answered as ciphertext, with what opens "
    "it for a reader's key, which is never sent here."
)
_FOR = {
    USER: "",
    ADMINISTRATOR: ", and an administrator of the organisation",
    OPERATOR: ", and somebody who runs the installation",
}
_Mode = Literal["validation", "serialization"]
_Schemas = dict[tuple[Any, _Mode], Any]


def _schemas() -> tuple[_Schemas, dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], _Mode], None] = {}
    for each in OPERATIONS:
        for shape in (each.body, each.query):
            if shape is not None:
                wanted[shape, "validation"] = None
        if each.answer is not None:
            wanted[each.answer, "serialization"] = None
    found, whole = models_json_schema(list(wanted), ref_template=_REFERENCE)
    schemas: _Schemas = dict(found.items())
    return schemas, dict(whole.get("$defs", {}))


def _operation(each: Operation, schemas: _Schemas) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": each.name,
        "summary": each.summary,
        "tags": [each.group],
        "parameters": [*_of_path(each), *_of_query(each), *_of_headers(each)],
        "responses": {str(each.status): _success(each, schemas), "default": {"$ref": "#/components/responses/Problem"}},
    }
    if each.scope is not None:
        said["description"] = f"Takes the scope `{each.scope.value}`{_FOR[each.role]}."
    if each.body is not None:
        said["requestBody"] = {"required": True, "content": _body(each, each.body, schemas)}
    return said


def _success(each: Operation, schemas: _Schemas) -> dict[str, Any]:
    said: dict[str, Any] = {"description": "Done.", "headers": _RATE}
    if each.answer is not None:
        said["content"] = {"application/json": {"schema": schemas[each.answer, "serialization"]}}
    if each.is_file:
        said["content"] = {each.media_type: {"schema": {"type": "string", "format": "binary"}}}
    return said


def _body(each: Operation, shape: type[BaseModel], schemas: _Schemas) -> dict[str, Any]:
    content = {"application/json": {"schema": schemas[shape, "validation"]}}
    if each.takes_files:
        own = shape.model_json_schema(ref_template=_REFERENCE)
        fields = {name: value for name, value in own["properties"].items() if name != "documents"}
        files = {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}
        content["multipart/form-data"] = {
            "schema": {
                "type": "object",
                "required": [*own.get("required", ()), FILE],
                "properties": fields | {FILE: files},
            }
        }
    return content


def _of_path(each: Operation) -> list[dict[str, Any]]:
    found = []
    for one in _PARAMETER.finditer(each.path):
        schema: dict[str, Any] = {"type": "string"}
        if one["kind"] == "int":
            schema = {"type": "integer", "minimum": 0, "maximum": operations.LARGEST}
        elif one["kind"] == "any":
            schema["enum"] = [name.strip("'") for name in one["given"].split(",")]
        elif one["kind"] == "string":
            schema |= {"minLength": 1, "maxLength": int(one["given"].partition("=")[2])}
        found.append({"name": one["name"], "in": "path", "required": True, "schema": schema})
    return found


def _of_query(each: Operation) -> list[dict[str, Any]]:
    if each.query is None:
        return []
    whole = each.query.model_json_schema(ref_template=_REFERENCE)
    required = whole.get("required", ())
    return [
        {"name": name, "in": "query", "required": name in required, "schema": schema,
         **({"description": schema["description"]} if "description" in schema else {})}
        for name, schema in whole["properties"].items()
    ]  # fmt: skip


def _of_headers(each: Operation) -> list[dict[str, Any]]:
    if not each.may_repeat:
        return []
    return [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "The same request with the same key is done once, and answered again, for a day.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        }
    ]
