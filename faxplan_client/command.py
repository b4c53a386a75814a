"""The command `faxplan`: `faxplan remote` is here, and all else where the server is installed."""

import importlib
import sys
from collections.abc import Sequence
from importlib import metadata

from faxplan_client import cli

_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code. For `faxplan remote` nothing of the server is imported: it works where nothing of it is."""
    given = [*(sys.argv[1:] if arguments is None else arguments)]
    if cli.is_meant(given):
        return cli.main(given)
    try:
        server = importlib.import_module("faxplan.cli")
    except ModuleNotFoundError as error:
        if error.name not in ("faxplan", "faxplan.cli"):
            raise
        if given == ["--version"]:
            print(f"faxplan {metadata.version('faxplan-client')}, the client alone")
            return 0
        print(
            "faxplan: this machine has the client alone, which is `faxplan remote`: `faxplan remote --help` lists its "
            "commands. All others are for the machine of the server.",
            file=sys.stderr,
        )
        return _USAGE
    code: int = server.main(given)
    return code


if __name__ == "__main__":
    sys.exit(main())
