"""`python -m bench --config FILE`: run the bench switch until SIGTERM or SIGINT."""

import argparse
import logging
import signal
import sys
import threading
from pathlib import Path

from bench.config import BenchConfig
from bench.errors import BenchError
from bench.switch import Switch

_FREESWITCH_RECURSION_LIMIT = 240


def main() -> int:
    """Exit status: 0 after a stop by signal, 1 if the switch cannot start."""
    parser = argparse.ArgumentParser(
        prog="bench", description="A switch for fax, embedded: libspandsp, no SIP, no FreeSWITCH."
    )
    parser.add_argument("--config", type=Path, required=True, help="TOML file, see docs/bench.md")
    arguments = parser.parse_args()
    try:
        config = BenchConfig.read(arguments.config)
        logging.basicConfig(
            level=logging.INFO,
            format="%(asctime)s %(levelname)s %(name)s %(message)s",
            filename=config.log_file,
        )
        switch = Switch(config)
        switch.start()
    except (BenchError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    if config.freeswitch_stack:
        # Scripts meet here what they meet in FreeSWITCH (set_max_recursion_depth of mod_python3.c).
        sys.setrecursionlimit(_FREESWITCH_RECURSION_LIMIT)
    stop.wait()
    switch.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
