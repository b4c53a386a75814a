"""`faxplan trunk test`: how a trunk is now, and with --to a test fax through it, followed to its end."""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from faxplan import (
    call_troubles,
    cli_output,
    guard,
    history,
    nodes,
    outbound,
    progress,
    tenants,
    time_line,
    trunk_check,
    trunk_provisioning,
    trunk_tests,
)
from faxplan.db import Row
from faxplan.errors import FaxplanError, NotFound, SwitchUnavailable
from faxplan.history import Attempt, Fax
from faxplan.progress import Display
from faxplan.trunk_check import Checked
from faxplan.trunk_troubles import Found
from faxplan.users import User

if TYPE_CHECKING:
    from faxplan.cli import Context

_PATIENCE_SECONDS = 30.0


def add_command(trunk: Any, common: argparse.ArgumentParser) -> None:
    """Enters `test` into the group of trunk's commands."""
    test = trunk.add_parser("test", parents=[common], help="how a trunk is now; with --to, send a page through it")
    test.add_argument("name", metavar="TRUNK")
    test.add_argument("--to", dest="number", metavar="NUMBER",
                      help="send a page to this number, through this trunk whatever the routes say")  # fmt: skip
    test.add_argument("--from", dest="calling", metavar="NUMBER", help="call as this number of the tenant's")
    test.add_argument(
        "--as", dest="user", metavar="USER", help="whose fax it is (default: FAXPLAN_USER, or the only user)"
    )
    test.set_defaults(command=_test)


def _test(context: "Context", options: argparse.Namespace) -> int:
    trunk = next((row for row in trunk_provisioning.all_trunks(context.admin) if row["name"] == options.name), None)
    if trunk is None:
        raise NotFound(f"There is no trunk {options.name[:64]!r}. `faxplan trunk list` shows all.")
    user = context.user() if options.number else None
    checked = trunk_check.check(context.settings, trunk)
    if not options.json:
        print_check(checked, trunk)
    fax, calls, troubles = None, list[Attempt](), list[Found]()
    if user is not None:
        fax, calls = send(context, options.name, options.number, user, calling=options.calling, quiet=options.json)
        troubles = call_troubles.of(fax, calls, trunk=options.name, own_address=own_address(context))
    if options.json:
        shown: dict[str, Any] = asdict(checked)
        told = [{"name": each.trouble.name, "means": each.means, "do": each.do} for each in troubles]
        cli_output.print_json({**shown, "fax": fax, "attempts": calls, "troubles": told})
    else:
        for trouble in troubles:
            print_trouble(trouble)
    failed = checked.problems or (fax is not None and fax.state != "sent") or (fax is None and checked.not_asked)
    return 1 if failed else 0


def print_trouble(found: Found) -> None:
    """What went wrong, and what to do."""
    print(f"  PROBLEM   {cli_output.printable(found.means)}")
    print(f"  TO DO     {cli_output.printable(found.do)}")


def print_check(checked: Checked, trunk: Row) -> None:
    """How a trunk is now, for people."""
    port = "" if trunk["port"] is None else f" port {trunk['port']}"
    print(f"Trunk {trunk['name']}: {trunk['host']}{port} by {trunk['transport'].upper()}")
    if checked.not_asked:
        print(f"  FreeSWITCH was not asked, and no OPTIONS sent: {cli_output.printable(checked.not_asked)}")
    if (gateway := checked.gateway) is not None:
        registration = "" if gateway.registration == "NOREG" else f", registration {gateway.registration}"
        pings = "FreeSWITCH sends it no OPTIONS (`faxplan trunk set --ping-seconds`)"
        if gateway.ping_seconds:
            pings = f"OPTIONS every {gateway.ping_seconds} s, the last took {gateway.ping_milliseconds:.1f} ms"
        print(f"  gateway   {'up' if gateway.up else 'down'}{registration}; {pings}")
        print(
            f"  calls     {gateway.calls_out} out ({gateway.failed_calls_out} failed), "
            f"{gateway.calls_in} in ({gateway.failed_calls_in} failed), since FreeSWITCH knows it"
        )
    if (answer := checked.options) is not None:
        sent = "" if answer.sent == 1 else f", sent {answer.sent} times"
        lines = [
            f"{answer.status} {answer.reason}".strip() + f" from {answer.address} in {answer.milliseconds:.1f} ms{sent}"
        ]
        lines += [f"Allow: {answer.allow}"] if answer.allow else []
        lines += [f"User-Agent: {answer.user_agent}"] if answer.user_agent else []
        for number, line in enumerate(lines):
            print(f"  {'OPTIONS' if number == 0 else '':<9} {cli_output.printable(line)}")
        if trunk_check.asks_by_name(trunk):
            print(f"  {'':<9} FreeSWITCH itself looks {trunk['host']} up by SRV first, and may go elsewhere.")
    for note in checked.notes:
        print(f"  {'':<9} {cli_output.printable(note)}")
    for problem in checked.problems:
        print(f"  PROBLEM   {cli_output.printable(problem)}")


def own_address(context: "Context") -> str:
    """What FreeSWITCH tells carriers in SDP; empty where it cannot be asked."""
    try:
        with guard.connect(context.settings) as switch:
            return trunk_check.address_in_sdp(switch, context.settings.sip_profile)
    except FaxplanError:
        return ""


def send(
    context: "Context", trunk: str, number: str, user: User, *, calling: str | None, quiet: bool
) -> tuple[Fax, list[Attempt]]:
    """The test fax at its end, and its call. It is cancelled where nobody waits for it any more.

    quiet: progress goes to standard error, and nothing else is said.
    """
    with context.admin.across_tenants() as tx:
        if not any(node["silent"] < guard.SILENT_SECONDS for node in nodes.everyone(tx)):
            raise SwitchUnavailable("No switch is at work, so that no test fax was sent: `faxplan status`.")
        tenant = tenants.get(tx, user.tenant_id)
    fax_id = trunk_tests.submit(context.portal, context.store, user, trunk, number, calling=calling)
    if not quiet:
        print(f"Test fax {fax_id}, as {cli_output.printable(user.email)} of {cli_output.printable(tenant.name)}:")
    stream = sys.stderr if quiet else sys.stdout
    display = Display(stream, live=stream.isatty() and os.environ.get("TERM") != "dumb")
    try:
        fax = progress.follow(context.portal, user, fax_id, tenant, display, look=_give_up_after(context, user, fax_id))
    except KeyboardInterrupt:
        outbound.cancel(context.portal, user, fax_id)
        raise
    with context.portal.tenant(user.tenant_id) as tx:
        calls = history.attempts(tx, user, fax_id)
    if not quiet:
        for line in time_line.of_fax(fax, calls, tenant, datetime.now(UTC)):
            print(line)
    return fax, calls


def _give_up_after(context: "Context", user: User, fax_id: int) -> Callable[[], None]:
    """Raises SwitchUnavailable where no node has taken the fax in time."""
    latest = time.monotonic() + _PATIENCE_SECONDS

    def look() -> None:
        if time.monotonic() < latest:
            return
        with context.portal.tenant(user.tenant_id) as tx:
            waits = history.fax(tx, user, fax_id).state == "queued"
        if waits and outbound.cancel(context.portal, user, fax_id):
            raise SwitchUnavailable(
                f"No switch took the test within {_PATIENCE_SECONDS:.0f} s, and it is cancelled. All calls of trunk "
                "or nodes may be in use: `faxplan trunk state`, `faxplan status`."
            )

    return look
