"""`python -m bench.cli --socket PATH 'show channels count'`: what fs_cli -x is to FreeSWITCH."""

import argparse
import sys
from pathlib import Path

from bench.control import command
from bench.errors import BenchError


def main() -> int:
    """Exit status: 0 with the reply on standard output, 1 if no switch answers."""
    parser = argparse.ArgumentParser(prog="bench.cli", description="Run an API command on a running bench switch.")
    parser.add_argument("--socket", type=Path, required=True, help="control_socket of its configuration")
    parser.add_argument("words", nargs="+", help="the command, e.g. 'show channels count'")
    arguments = parser.parse_args()
    try:
        sys.stdout.write(command(arguments.socket, " ".join(arguments.words)))
    except BenchError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
