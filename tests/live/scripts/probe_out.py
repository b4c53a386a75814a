"""A sender without Faxplan: txfax, and a hangup hook that says in JSON what it was given."""

import os
from pathlib import Path

import freeswitch


def handler(session, args):
    try:
        session.execute("txfax", args.strip())
    except BaseException as error:  # noqa: BLE001 - nothing may leave a script
        freeswitch.consoleLog("err", f"probe_out: {error!a}\n")
    session.hangup("NORMAL_CLEARING")


def settle(session, stream, env, args):
    """The API hook: env is an Event with every channel variable as `variable_<name>`."""
    try:
        folder = Path(os.environ["FAXPLAN_LIVE_FOLDER"])
        part = folder / f"{args.strip()}.part"
        part.write_text(env.serialize("json"))
        part.rename(folder / f"{args.strip()}.hook.json")
    except BaseException as error:  # noqa: BLE001 - nothing may leave a script
        freeswitch.consoleLog("err", f"probe_out: {error!a}\n")
