"""Who calls whom on a channel, and when what happened to it (switch_caller.c)."""

import time
from dataclasses import dataclass, field


@dataclass
class CallerProfile:
    """Who calls whom, as events show it in Caller-* headers."""

    direction: str
    destination_number: str
    caller_id_number: str = "0000000000"
    caller_id_name: str = ""
    network_addr: str = ""
    username: str = ""
    context: str = "default"
    created_us: int = field(default_factory=lambda: int(time.time() * 1_000_000))
    progress_us: int = 0
    answered_us: int = 0
    hungup_us: int = 0

    def variable(self, name: str) -> str | None:
        """What getVariable finds in the profile when no channel variable has the name (switch_caller.c)."""
        known = {
            "destination_number": self.destination_number,
            "caller_id_number": self.caller_id_number,
            "caller_id_name": self.caller_id_name,
            "network_addr": self.network_addr,
            "username": self.username,
            "context": self.context,
            "ani": self.caller_id_number,
            "dialplan": "XML",
            "source": "mod_sofia",
        }
        return known.get(name)

    def headers(self, uuid: str) -> dict[str, str]:
        """switch_caller_profile_event_set_data."""
        return {
            "Caller-Direction": self.direction,
            "Caller-Logical-Direction": self.direction,
            "Caller-Username": self.username,
            "Caller-Dialplan": "XML",
            "Caller-Caller-ID-Name": self.caller_id_name,
            "Caller-Caller-ID-Number": self.caller_id_number,
            "Caller-Network-Addr": self.network_addr,
            "Caller-ANI": self.caller_id_number,
            "Caller-Destination-Number": self.destination_number,
            "Caller-Unique-ID": uuid,
            "Caller-Source": "mod_sofia",
            "Caller-Context": self.context,
            "Caller-Channel-Created-Time": str(self.created_us),
            "Caller-Channel-Answered-Time": str(self.answered_us),
            "Caller-Channel-Hangup-Time": str(self.hungup_us),
        }
