"""The doctor on a document store that lies in a bucket: there, private, and keeping to what a store promises."""

import stat
from urllib.parse import urlsplit

from faxplan.config import Settings
from faxplan.errors import FaxplanError
from faxplan.findings import Finding, error, ok, warning
from faxplan.object_bucket import ObjectBucket
from faxplan.objects import StoreUnavailable
from faxplan.scratch import Scratch

WHAT = "document store"


def bucket(settings: Settings) -> list[Finding]:
    """Nothing where the store is a folder."""
    if not settings.store_bucket:
        return []
    return [*_credentials(settings), *_way(settings), *_server(ObjectBucket.of(settings, Scratch(settings.work)))]


def _credentials(settings: Settings) -> list[Finding]:
    what, path = f"{WHAT}, credentials", settings.store_credentials_file
    if path is None:
        return []
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as trouble:
        return [error(what, f"{path} cannot be looked at ({trouble.strerror})", "Name the file that is there.")]
    if mode & 0o077:
        return [error(what, f"{path} is open to others (mode {mode:04o})", f"chmod 0600 {path}")]
    return [ok(what, f"{path}, private")]


def _way(settings: Settings) -> list[Finding]:
    parts = urlsplit(settings.store_endpoint)
    if parts.scheme != "http" or parts.hostname in ("127.0.0.1", "::1", "localhost"):
        return []
    return [
        warning(
            f"{WHAT}, endpoint",
            f"{settings.store_endpoint} is without TLS: documents go sealed all the same, and whoever listens sees "
            "their names and sizes",
            "Give the server a certificate, and write https.",
        )
    ]


def _server(objects: ObjectBucket) -> list[Finding]:
    try:
        objects.look()
    except StoreUnavailable as away:
        remedy = "No fax is dialled until then, and received ones wait in pending/."
        return [error(WHAT, str(away), remedy)]
    found = [ok(WHAT, f"{objects.place} is there")]
    try:
        if objects.keeps_versions():
            found.append(
                warning(
                    f"{WHAT}, versions",
                    "the bucket keeps versions: what purge deletes stays there, sealed, and nobody has its keys",
                    "Switch versioning off, or have a lifecycle rule remove what is not current after some days.",
                )
            )
        if objects.overwrites():
            found.append(
                warning(
                    f"{WHAT}, overwriting",
                    "the server does not know If-None-Match: that nothing is overwritten hangs on random names alone",
                    "Nothing has to be done. A server that knows it is better.",
                )
            )
    except FaxplanError as trouble:
        # An account that may not ask for versioning, say.
        found.append(warning(f"{WHAT}, versions", str(trouble), "Look yourself whether the bucket keeps versions."))
    return found
