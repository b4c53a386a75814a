"""The administrator's commands about cover pages: what a tenant's templates say."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faxplan import cli_output, cover_provisioning
from faxplan.errors import FaxplanError

if TYPE_CHECKING:
    from faxplan.cli import Context


class UnreadableText(FaxplanError):
    """A file with what a cover page is to say cannot be read."""

    error_id = "unreadable-text"


def text_of(file: Path) -> str:
    """What is in a text file; `-`: what comes on standard input. Raises UnreadableText."""
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableText(f"{file} cannot be read as text in UTF-8. Name another file.") from error


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Enters these commands into the parser."""
    group = cli_output.group(commands, "cover", "list|put|default|remove", "what tenants' cover pages say")
    listing = group.add_parser("list", parents=[common], help="all cover pages, but the plain one that each tenant has")
    listing.add_argument("slug", nargs="?", metavar="TENANT", help="of this tenant only, by its short name")
    listing.set_defaults(command=_list)
    put = group.add_parser("put", parents=[common], help="a new one, or another text for one that there is")
    _named(put)
    put.add_argument("file", type=Path, metavar="FILE", help="its text, with fields such as {{ to_name }}")
    put.add_argument("--footer", default="", metavar="TEXT", help="what stands at the foot")
    put.set_defaults(command=_put)
    for verb, words, command in (
        ("default", "it is chosen unless its sender chooses another", _default),
        ("remove", "it is chosen no more; faxes that were handed in keep it", _remove),
    ):
        parser = group.add_parser(verb, parents=[common], help=words)
        _named(parser)
        parser.set_defaults(command=command)


def _named(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("slug", metavar="TENANT", help="the tenant's short name")
    parser.add_argument("name", metavar="NAME", help="what the cover page is called")


def _list(context: "Context", options: argparse.Namespace) -> int:
    found = cover_provisioning.listed(context.admin, options.slug)
    rows = [(each["name"], each["tenant"], "yes" if each["default"] else "") for each in found]
    empty = "Every tenant has the plain cover page, and none has one of its own. `faxplan cover put` enters one."
    return cli_output.listed(options, found, ("NAME", "TENANT", "DEFAULT"), rows, empty)


def _put(context: "Context", options: argparse.Namespace) -> int:
    known = {each["name"]: each["id"] for each in cover_provisioning.listed(context.admin, options.slug)}
    made = cover_provisioning.put(
        context.admin, context.actor, options.slug, options.name, text_of(options.file), options.footer,
        template_id=known.get(options.name),
    )  # fmt: skip
    return cli_output.done(options, {"id": made.id, "name": made.name}, f"{made.name} may be chosen for faxes.")


def _default(context: "Context", options: argparse.Namespace) -> int:
    found = cover_provisioning.named(context.admin, options.slug, options.name)
    cover_provisioning.make_default(context.admin, context.actor, options.slug, found.id)
    text = f"{found.name} is chosen on the page where faxes are sent, until somebody chooses another."
    return cli_output.done(options, {"id": found.id, "name": found.name, "default": True}, text)


def _remove(context: "Context", options: argparse.Namespace) -> int:
    found = cover_provisioning.named(context.admin, options.slug, options.name)
    cover_provisioning.remove(context.admin, context.actor, options.slug, found.id)
    text = f"{found.name} is removed. Faxes that were handed in with it keep it."
    return cli_output.done(options, {"id": found.id, "name": found.name, "removed": True}, text)
