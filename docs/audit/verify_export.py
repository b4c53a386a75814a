#!/usr/bin/env python3
"""Verifies an export of Faxplan's audit (`faxplan audit export`), with nothing of Faxplan: Python 3.11 is enough.

    python3 verify_export.py EXPORT
    python3 verify_export.py EXPORT --checkpoint FILE --vkey KEY       needs `cryptography` as well

It is written from docs/audit.md alone, so that the form of the hashes is what is written there. Exit code 0: every row
is as it was written, and the checkpoint has the same hash. 1: not so. 2: it cannot be told.
"""

import argparse
import base64
import csv
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path


class Wrong(Exception):
    """The export is not what was written."""


class CannotTell(Exception):
    """Whether it is cannot be told from what was given."""


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Verifies an export of Faxplan's audit.")
    parser.add_argument("export", help="the file, CSV or JSON")
    parser.add_argument("--checkpoint", help="a checkpoint from the time of the export, or of a row in it")
    parser.add_argument("--vkey", help="the verifier key of whoever signed it")
    given = parser.parse_args()
    if (given.checkpoint is None) != (given.vkey is None):
        parser.error("--checkpoint and --vkey go together.")
    try:
        chains = None if given.checkpoint is None else signed_chains(Path(given.checkpoint), given.vkey)
        print(verified(rows(Path(given.export)), chains))
    except Wrong as error:
        sys.exit(f"NOT as it was written: {error}")
    except (CannotTell, OSError, ValueError, KeyError) as error:
        print(f"It cannot be told: {error!r}", file=sys.stderr)
        sys.exit(2)


def rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows, every value a text; what is empty in CSV and null in JSON is ''."""
    with path.open(encoding="utf-8", newline="") as file:
        if file.read(1) == "[":
            file.seek(0)
            for row in json.load(file):
                yield {name: "" if value is None else str(value) for name, value in row.items()}
        else:
            file.seek(0)
            csv.field_size_limit(sys.maxsize)
            yield from csv.DictReader(file, strict=True)


def verified(found: Iterator[dict[str, str]], chains: dict[str, tuple[int, str]] | None) -> str:
    """What can be said, in a sentence or two. Raises Wrong, and CannotTell where a checkpoint says nothing about it."""
    first = last = signed = None
    for row in found:
        follows(row, last)
        if hash_of(row) != row["hash"]:
            raise Wrong(f"row {row['sequence']} was changed: its hash is another")
        if chains and chains.get(row["tenant_id"], (0, ""))[0] == int(row["sequence"]):
            signed = row
        first, last = first or row, row
    if last is None:
        raise CannotTell("the export has no rows")
    said = f"Rows {first['sequence']} to {last['sequence']} of tenant {last['tenant_id']} are as they were written."
    if chains is None:
        return f"{said} Compare with a checkpoint: only that shows whether all of them were written anew."
    size, signed_hash = chains.get(last["tenant_id"], (0, ""))
    if signed is None:
        raise CannotTell(f"the rows are whole, but row {size}, the one that the checkpoint signs, is not among them")
    if signed["hash"] != signed_hash:
        raise Wrong(f"row {size} has another hash than in the checkpoint: the rows were written anew")
    return f"{said} Row {size} is the one that the checkpoint signs."


def follows(row: dict[str, str], last: dict[str, str] | None) -> None:
    """Raises Wrong where a row is not the next one after `last` (None: it is the first one here)."""
    sequence = int(row["sequence"])
    if last is None:
        if sequence == 1 and row["previous_hash"]:
            raise Wrong("row 1 has a predecessor")
    elif row["tenant_id"] != last["tenant_id"] or sequence != int(last["sequence"]) + 1:
        raise Wrong(f"row {last['sequence']} is followed by row {sequence} of tenant {row['tenant_id']}")
    elif row["previous_hash"] != last["hash"] or int(row["form"]) < int(last["form"]):
        raise Wrong(f"row {sequence} does not follow row {last['sequence']}")


def hash_of(row: dict[str, str]) -> str:
    """What a row's hash has to be."""
    details_hash = sha256(row["details"])
    if row["details_hash"] != details_hash:
        raise Wrong(f"the details of row {row['sequence']} were changed: their hash is another")
    if row["form"] == "1":
        return hash_of_form_1(row)
    if row["form"] != "2":
        raise CannotTell(f"row {row['sequence']} has form {row['form']}, which this program does not know")
    fields = [
        "faxplan-audit-2",
        *(row[name] for name in ("tenant_id", "sequence", "at", "actor", "authenticated", "address", "action",
                                 "object", "result")),
        details_hash,
        row["previous_hash"],
    ]  # fmt: skip
    return sha256("".join(f"{len(field.encode())}:{field}," for field in fields))


def hash_of_form_1(row: dict[str, str]) -> str:
    """Of rows from before form 2: the hashed text stands in the export, and has to say what the row says."""
    tenant, sequence, epoch, actor, action, what, result, details, previous = json.loads(row["old_form"])
    seconds, _, fraction = epoch.partition(".")
    said = {
        "tenant_id": str(tenant), "sequence": str(sequence), "at": iso(int(seconds), fraction), "actor": actor,
        "action": action, "object": what, "result": result, "previous_hash": previous, "authenticated": "",
        "address": "",
    }  # fmt: skip
    other = [name for name, value in said.items() if row[name] != value]
    if other or details != json.loads(row["details"]):
        raise Wrong(f"row {row['sequence']} was changed: {', '.join(other or ['details'])}")
    return sha256(row["old_form"])


def iso(seconds: int, fraction: str) -> str:
    """A time in UTC, to the microsecond."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415 - for old rows alone

    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction.ljust(6, '0')}Z"


def sha256(text: str) -> str:
    """In hexadecimal, of the text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


def signed_chains(path: Path, vkey: str) -> dict[str, tuple[int, str]]:
    """What a checkpoint says about each tenant's chain: how many rows, and the last one's hash. Raises Wrong."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - for this alone
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    name, key_id, encoded = vkey.split("+", 2)
    key = base64.b64decode(encoded, validate=True)
    if key[:1] != b"\x01" or hashlib.sha256(f"{name}\n".encode() + key).hexdigest()[:8] != key_id:
        raise CannotTell("this is no verifier key")
    text, parted, signatures = path.read_bytes().decode().rpartition("\n\n")
    for line in signatures.split("\n"):
        prefix = f"\u2014 {name} "
        signature = base64.b64decode(line.removeprefix(prefix)) if parted and line.startswith(prefix) else b""
        if signature[:4].hex() == key_id:
            try:
                Ed25519PublicKey.from_public_bytes(key[1:]).verify(signature[4:], f"{text}\n".encode())
            except InvalidSignature:
                raise Wrong("the checkpoint's signature does not fit it") from None
            lines = [line.split(" ") for line in text.split("\n")[3:]]
            return {line[1]: (int(line[2]), line[3]) for line in lines if line[0] == "chain"}
    raise Wrong(f"the checkpoint is not signed by {name}")


if __name__ == "__main__":
    main()
