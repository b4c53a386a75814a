"""Why a trunk's registration fails: FreeSWITCH registers it now, and tells by an event what the carrier answers.

`sofia status gateway` has the state alone; the code is in sofia::gateway_state (sofia_reg.c,
sofia_reg_fire_custom_gateway_state_event), which comes with each change.
"""

import time
from dataclasses import dataclass

from faxplan import guard, trunk_troubles
from faxplan.config import Settings
from faxplan.errors import FaxplanError
from faxplan.event_socket import EventSocket
from faxplan.language import _
from faxplan.trunk_troubles import Found

_EVENT = "sofia::gateway_state"
_REGISTERED = "REGED"
_OVER = frozenset({"FAILED", "FAIL_WAIT", "TIMEOUT"})
PATIENCE_SECONDS = 15.0
"""FreeSWITCH looks at its gateways once a second, and sends a request again for 32 (timer F of RFC 3261): whoever
answers at all has done so before half of that."""


@dataclass(frozen=True, slots=True)
class Registration:
    """state: FreeSWITCH's word; empty: nobody could be asked, and why says so. status, phrase: the carrier's, at last.

    found: what is wrong; None: it is registered.
    """

    state: str
    status: int | None = None
    phrase: str = ""
    found: Found | None = None
    why: str = ""


def register(settings: Settings, trunk: str, seconds: float = PATIENCE_SECONDS) -> Registration:
    """Has FreeSWITCH register the trunk's gateway anew, and waits for what comes of it."""
    try:
        with guard.connect(settings) as switch:
            switch.subscribe("CUSTOM", _EVENT)
            said = switch.api(f"sofia profile {settings.sip_profile} register {trunk}")
            if not said.startswith("+OK"):
                # "Invalid gateway!" (mod_sofia.c, cmd_profile). Nothing was sent, and nobody's silence means anything.
                told = _(
                    "FreeSWITCH on this machine registers no such gateway ({said}): another node registers the trunk, "
                    "or it was not taken up yet (`faxplan node list`)."
                )
                return Registration("", why=told.format(said=" ".join(said.split())[:100]))
            return _outcome(switch, trunk, time.monotonic() + seconds)
    except FaxplanError as error:
        return Registration("", why=str(error))


def _outcome(switch: EventSocket, trunk: str, deadline: float) -> Registration:
    state, status, phrase = "TRYING", None, ""
    while (left := deadline - time.monotonic()) > 0:
        event = switch.next_event(left)
        if event is None:
            break
        if event.subclass != _EVENT or event.headers.get("Gateway") != trunk:
            continue
        state = event.headers.get("State", "")
        if event.headers.get("Status", "").isdecimal():
            status, phrase = int(event.headers["Status"]), event.headers.get("Phrase", "")
        if state == _REGISTERED:
            return Registration(state, status, phrase)
        if state in _OVER:
            break
    refused = status if status is not None and status >= 300 else None
    return Registration(state, refused, phrase, trunk_troubles.of_registration(trunk, refused, phrase))
