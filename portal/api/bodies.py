"""What a program has sent, read by its shape: JSON, or multipart/form-data with files; and a digest of what it asks."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from faxplan.fetched_documents import Linked
from faxplan.language import _
from faxplan.originals import NamedFile
from portal.api.operation import Operation
from portal.api.problems import InvalidRequest, NotReadable, TooLarge, WrongMediaType
from portal.api.shapes import INLINE, LINKED, LinkedDocument
from portal.visit import PortalRequest

FILE = "file"
_JSON, _FORM = "application/json", "multipart/form-data"
_OBJECTS = ("columns", "cover", "pace", "retries")
_MOST_ERRORS = 20


def query(shape: type[BaseModel], request: PortalRequest) -> BaseModel:
    """Raises InvalidRequest."""
    values = {name: found[0] if len(found) == 1 else found for name, found in request.args.lists()}
    return _validated(shape, values)


def body(
    operation: Operation, request: PortalRequest, folder: Path | None
) -> tuple[BaseModel, Sequence[NamedFile | Linked]]:
    """folder: private, for the files of an operation that takes some. Raises InvalidRequest."""
    shape = operation.body
    if shape is None:
        raise TypeError(f"{operation.name} has no body")
    kind = request.mimetype
    if kind == _FORM and folder is not None:
        return _of_form(shape, request)
    if kind != _JSON:
        kinds = f"{_JSON}, {_FORM}" if operation.takes_files else _JSON
        words = _("Send the body as one of these, and say so in Content-Type: {kinds}.")
        raise WrongMediaType(words.format(kinds=kinds))
    if (request.content_length or 0) > operation.most_bytes:
        raise _too_large(operation.most_bytes)
    request.max_content_length = operation.most_bytes
    try:
        content = request.get_data(cache=False)
    except RequestEntityTooLarge as error:
        raise _too_large(operation.most_bytes) from error
    value = _validated_json(shape, content)
    return value, [] if folder is None else _written(value, folder)


def digest(
    operation: Operation, path: dict[str, Any], value: BaseModel | None, files: Sequence[NamedFile | Linked]
) -> bytes:
    """SHA-256 of what is asked, whatever form it has come in. What lies elsewhere is asked for by its address. Wraps
    are no part of it: they are others each time that they are made of the same."""
    said = {} if value is None else value.model_dump(mode="json", exclude={"documents", "wraps"})
    found = hashlib.sha256(json.dumps([operation.name, path, said], sort_keys=True).encode())
    for each in files:
        if isinstance(each, Linked):
            found.update(json.dumps(["linked", each.name, each.address]).encode())
            continue
        with each.file.open("rb") as reader:
            found.update(json.dumps([each.name, hashlib.file_digest(reader, "sha256").hexdigest()]).encode())
    return found.digest()


def _too_large(most: int) -> TooLarge:
    return TooLarge(
        _("This is too large: {most} kB at most as JSON. Larger documents go as multipart/form-data.").format(
            most=most // 1024
        )
    )


def _of_form(shape: type[BaseModel], request: PortalRequest) -> tuple[BaseModel, list[NamedFile]]:
    """Fields are called as in JSON; of a list there may be several; what is an object is JSON."""
    values: dict[str, Any] = {}
    for name, found in request.form.lists():
        field = shape.model_fields.get(name)
        if field is not None and name != "documents" and "list[" in str(field.annotation):
            values[name] = found
        elif name in _OBJECTS:
            values[name] = _json(name, found[0])
        else:
            values[name] = found[0] if len(found) == 1 else found
    files = []
    for name, several in request.files.lists():
        for each in several:
            if name != FILE:
                raise InvalidRequest(
                    _("Send documents in parts called `file`."), [(f"/{name}", _("no part is called so"))]
                )
            each.stream.flush()
            files.append(NamedFile(Path(str(each.stream.name)), _name(each.filename or "")))
    return _validated(shape, values), files


def _json(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRequest(
            _("This is to be a JSON object: {name}").format(name=name), [(f"/{name}", _("this is no JSON"))]
        ) from error


def _written(value: BaseModel, folder: Path) -> list[NamedFile | Linked]:
    files: list[NamedFile | Linked] = []
    for number, each in enumerate(getattr(value, "documents", ())):
        if isinstance(each, LinkedDocument):
            files.append(Linked(each.url, _name(each.name) if each.name else ""))
            continue
        path = folder / f"file-{number}"
        path.write_bytes(each.content)
        files.append(NamedFile(path, _name(each.name)))
    return files


def _name(given: str) -> str:
    return given.replace("\\", "/").rpartition("/")[2] or "document"


def _validated(shape: type[BaseModel], values: dict[str, Any]) -> BaseModel:
    try:
        return shape.model_validate(values)
    except ValidationError as error:
        raise _invalid(error) from error


def _validated_json(shape: type[BaseModel], content: bytes) -> BaseModel:
    try:
        return shape.model_validate_json(content)
    except ValidationError as error:
        if any(each["type"] == "json_invalid" for each in error.errors(include_input=False, include_url=False)):
            raise NotReadable(_("The body is no JSON.")) from error
        raise _invalid(error) from error


def _invalid(error: ValidationError) -> InvalidRequest:
    found = [
        ("/" + "/".join(_escaped(str(part)) for part in each["loc"] if part not in (INLINE, LINKED)), each["msg"])
        for each in error.errors(include_input=False, include_url=False, include_context=False)
    ]
    words = _("The request is not as it has to be: {where}: {what}").format(where=found[0][0], what=found[0][1])
    return InvalidRequest(words, found[:_MOST_ERRORS])


def _escaped(part: str) -> str:
    """RFC 6901. What a program has written is shown, but not all of it."""
    return part[:80].replace("~", "~0").replace("/", "~1")
