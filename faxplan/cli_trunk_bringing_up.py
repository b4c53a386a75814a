"""What follows once a guided trunk is written: it comes up, is tested, gets a route and a test fax, each explained."""

import argparse
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faxplan import (
    call_troubles,
    cli_trunk_test,
    trunk_arrival,
    trunk_check,
    trunk_provisioning,
    trunk_registration,
    trunk_setup,
    users,
)
from faxplan.cli_asking import Asking, Stopped
from faxplan.errors import FaxplanError, InvalidNumber
from faxplan.providers import Provider
from faxplan.trunk_troubles import Found
from faxplan.users import User

if TYPE_CHECKING:
    from faxplan.cli import Context

NONE = "none"
ARRIVAL_SECONDS = 40.0
"""A node looks at the trunk table every ten seconds, and needs one or two to take a gateway up."""
LOOK_SECONDS = 1.0
_MOST_TESTS = 4


@dataclass(slots=True)
class Written:
    """What the guide has written so far, and how it is undone."""

    trunk: str = ""
    routes: list[str] = field(default_factory=list)

    def standing(self) -> str:
        """In words: what is there now, how to go on, how to undo it."""
        if not self.trunk:
            return "Nothing was written."
        undo = [f"`faxplan route remove {prefix} {self.trunk}`" for prefix in self.routes]
        undo.append(f"`faxplan trunk remove {self.trunk}`")
        routes = f", and a route for {' '.join(self.routes)}" if self.routes else ", and no route leads to it"
        return (
            f"Trunk {self.trunk} is written{routes}. To go on: `faxplan trunk test {self.trunk}`, with --to NUMBER "
            f"for a test fax. To undo: {', then '.join(undo)}."
        )


def bring_up(
    context: "Context", options: argparse.Namespace, asking: Asking, written: Written, provider: Provider | None
) -> int:
    """The exit code: 0 where nothing is wrong. Raises Stopped where answers end."""
    name = written.trunk
    arrived = _wait(context, asking, name)
    fine = _check(context, asking, name) if arrived else False
    _route(context, options, asking, written, fine=fine)
    fine = _test_faxes(context, options, asking, name) and fine
    if provider is not None:
        asking.say(f"What is known of {provider.name}: docs/providers.md.")
    asking.say(written.standing())
    return 0 if fine else 1


def _wait(context: "Context", asking: Asking, name: str) -> bool:
    """Whether a machine that dials has it. Says why not."""
    asking.say("Waiting for the switches to take it up ...")
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while not (arrival := trunk_arrival.look(context.admin, name)).done and time.monotonic() < deadline:
        if not (arrival.have or arrival.waiting):
            break
        time.sleep(LOOK_SECONDS)
    if arrival.done:
        asking.say(f"  taken up by {', '.join(arrival.have)}")
        time.sleep(LOOK_SECONDS)  # a gateway that was told to start is there a moment later
        return True
    if not arrival.waiting:
        asking.say("  No switch is at work: `faxplan status`. Once one is, it takes the trunk up by itself.")
        return False
    asking.say(
        f"  {', '.join(arrival.waiting)} did not take it up in time: gateway_dir may not be set there, so that "
        "gateways are kept by hand, or it cannot write there (`faxplan doctor`, FreeSWITCH's log)."
    )
    return True


def _row(context: "Context", name: str) -> Any:
    return next(row for row in trunk_provisioning.all_trunks(context.admin) if row["name"] == name)


def _check(context: "Context", asking: Asking, name: str) -> bool:
    trunk = _row(context, name)
    registered = True
    if trunk["register"]:
        asking.say("Registering ...")
        registration = trunk_registration.register(context.settings, name)
        if registration.why:
            asking.say(f"  not known: {registration.why}")
        elif registration.found is None:
            asking.say("  registered (REGED)")
        else:
            registered = False
            cli_trunk_test.print_trouble(registration.found)
    asking.say("Asking by OPTIONS ...")
    checked = trunk_check.check(context.settings, trunk)
    cli_trunk_test.print_check(checked, trunk)
    if not (checked.problems or checked.not_asked):
        asking.say("  nothing is wrong")
    return registered and not checked.problems and not checked.not_asked


def _route(context: "Context", options: argparse.Namespace, asking: Asking, written: Written, *, fine: bool) -> None:
    """fine: it works as far as is known. One that does not gets no faxes by a mere Enter."""
    prefix = options.route
    if prefix is None:
        asking.say("A route says which numbers go through it: + for all, +49 for those that begin so.")
        if not fine:
            asking.say("This trunk does not work yet: whatever has a route to it is tried through it.")
        rows = trunk_provisioning.all_routes(context.admin)
        others = {row["trunk"] for row in rows if row["prefix"] == "+" and row["trunk"] and not row["only_for"]}
        if others:
            asking.say(f"+ leads to {' and '.join(sorted(others))} already; with it here, too, they share its calls.")
        prefix = asking.text(f"Route ({NONE}: no route yet)", "+" if fine and not others else NONE)
    if prefix == NONE:
        return
    try:
        trunk_provisioning.add_route(context.admin, context.actor, prefix, written.trunk)
    except FaxplanError as error:
        asking.say(f"  No route was made: {error}")
        return
    written.routes.append(prefix)
    asking.say(f"  Numbers with {prefix} go through {written.trunk}.")


# ------------------------------------------------------------------------------------------------------- the test fax


def _number_check(number: str) -> None:
    """Raises InvalidNumber for what is none, such as a `y`."""
    if number != NONE and not any(each.isdigit() for each in number):
        raise InvalidNumber(f"{number} is no number. Write one, as it is dialled, or {NONE}.")


def _test_faxes(context: "Context", options: argparse.Namespace, asking: Asking, name: str) -> bool:
    """Whether a test fax arrived, or none was wanted."""
    number = options.test
    if number is None:
        asking.say("A test fax shows most: one page, to a fax number of your own elsewhere, in one call through it.")
        number = asking.text(f"Number ({NONE}: no test fax)", NONE, _number_check)
    if number == NONE:
        return True
    user = _user(context, asking)
    if user is None:
        return False
    for _test in range(_MOST_TESTS):
        found = _one_test(context, options, asking, name, number, user)
        if found is None:
            return True
        if not _other_format(context, asking, name, found):
            return False
    return False


def _user(context: "Context", asking: Asking) -> User | None:
    try:
        return context.user()
    except FaxplanError as error:
        asking.say(f"  Whose fax shall it be? {error}")
    try:
        return users.find(context.portal, asking.text("User (address, or address/tenant)"))
    except Stopped:
        raise
    except FaxplanError as error:
        asking.say(f"  No test fax was sent: {error}")
        return None


def _one_test(
    context: "Context", options: argparse.Namespace, asking: Asking, name: str, number: str, user: User
) -> list[Found] | None:
    """None: it arrived. Otherwise what went wrong."""
    try:
        fax, calls = cli_trunk_test.send(context, name, number, user, calling=options.calling, quiet=False)
    except FaxplanError as error:
        asking.say(f"  PROBLEM   {error}")
        return []
    found = call_troubles.of(fax, calls, trunk=name, own_address=cli_trunk_test.own_address(context))
    for each in found:
        cli_trunk_test.print_trouble(each)
    return None if fax.state == "sent" else found


def _other_format(context: "Context", asking: Asking, name: str, found: list[Found]) -> bool:
    """Whether the trunk now writes numbers otherwise, so that another test makes sense."""
    if not call_troubles.WRONG_FORMAT & {each.trouble.name for each in found}:
        return False
    for other in trunk_setup.other_formats(_row(context, name)["called_format"]):
        if asking.yes(f"Write called numbers as {other}, and try again?", default=True):
            trunk_provisioning.change_trunk(context.admin, context.actor, name, {"called_format": other})
            asking.say(f"  Trunk {name} now writes them as {other}.")
            return True
    return False
