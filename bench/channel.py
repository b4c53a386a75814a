"""A channel: one leg of a call on our side, with variables, states, and what mod_sofia writes when it ends.

Sources: switch_channel.c, mod_sofia.c, sofia.c.
"""

import threading
import time
import uuid as uuids
from collections.abc import Callable
from typing import Protocol

from bench import causes
from bench.caller_profile import CallerProfile
from bench.events import EventData
from bench.fax_terminal import FaxTerminal
from bench.line import Frame, Line

_WHEN_ANSWERED = {
    "endpoint_disposition": "ANSWER", "read_codec": "PCMU", "write_codec": "PCMU",
    "remote_media_ip": "127.0.0.1", "remote_media_port": "16384",
}  # fmt: skip
_STATES = {"CS_INIT": 2, "CS_ROUTING": 3, "CS_CONSUME_MEDIA": 9, "CS_EXECUTE": 4, "CS_HANGUP": 10, "CS_REPORTING": 11}


class FaxOnChannel(Protocol):
    """The running rxfax or txfax of a channel."""

    terminal: FaxTerminal

    def asks_for_t38(self) -> bool: ...

    def answer_t38_offer(self) -> str: ...

    def t38_answered(self, *, accepted: bool) -> None: ...

    def t38_started(self) -> None: ...

    def heard(self) -> None: ...


class Channel:
    """One of our legs. Mutable state is guarded by the line's lock; variables may be read and written by any thread."""

    def __init__(
        self,
        line: Line,
        profile: CallerProfile,
        name: str,
        publish: Callable[[EventData], None],
        execute_on: Callable[["Channel", str], None],
        api_on: Callable[["Channel", str], None],
        uuid: str | None = None,
    ) -> None:
        self.uuid = uuid or str(uuids.uuid4())
        self.line = line
        self.profile = profile
        self.name = name
        self.variables: dict[str, str] = {}
        self.state = "CS_INIT"
        self.answered = False
        self.cause: str | None = None
        self.ring_result: int | None = None
        self.fax: FaxOnChannel | None = None
        self.application: tuple[str, str] = ("", "")
        self.answered_at_ms = 0
        self._publish = publish
        self._execute_on = execute_on
        self._api_on = api_on
        self._got_bye = False
        self._bye_sent = False
        self._waiting = False

    # -- variables --------------------------------------------------------------------------------------------------

    def get(self, name: str) -> str | None:
        """A variable, or what the caller profile has under that name."""
        value = self.variables.get(name)
        if value is not None:
            return value
        if name == "uuid":
            return self.uuid
        return self.profile.variable(name)

    def set(self, name: str, value: str | None) -> None:
        """Set or (None, and also the empty string, as switch_channel_set_variable does it) unset a variable."""
        if value:
            self.variables[name] = value
        else:
            self.variables.pop(name, None)

    def is_true(self, name: str) -> bool:
        return is_true(self.get(name))

    def event(self, type_: str, subclass: str = "", **headers: str) -> EventData:
        """An event with this channel's data; `headers` come first, underscores in their names becoming hyphens."""
        event = EventData(type_, subclass)
        event.headers = {name.replace("_", "-"): value for name, value in headers.items()} | self.headers()
        return event

    def headers(self) -> dict[str, str]:
        """switch_channel_event_set_data: basic data, then every variable as variable_<name>."""
        answer_state = "hangup" if self.cause else "answered" if self.answered else "ringing"
        basic = {
            "Channel-State": self.state,
            "Channel-Call-State": "HANGUP" if self.cause else "ACTIVE" if self.answered else "RINGING",
            "Channel-State-Number": str(_STATES[self.state]),
            "Channel-Name": self.name,
            "Unique-ID": self.uuid,
            "Call-Direction": self.profile.direction,
            "Presence-Call-Direction": self.profile.direction,
            "Channel-HIT-Dialplan": "true" if self.profile.direction == "inbound" else "false",
            "Channel-Call-UUID": self.uuid,
            "Answer-State": answer_state,
        }
        if self.cause:
            basic["Hangup-Cause"] = self.cause
        basic |= {
            "Channel-Read-Codec-Name": "PCMU",
            "Channel-Read-Codec-Rate": "8000",
            "Channel-Write-Codec-Name": "PCMU",
            "Channel-Write-Codec-Rate": "8000",
        }
        variables = {f"variable_{name}": value for name, value in list(self.variables.items())}
        return basic | self.profile.headers(self.uuid) | variables

    def publish(self, event: EventData) -> None:
        """Fire an event."""
        self._publish(event)

    def execute_on(self, prefix: str) -> None:
        """switch_channel_execute_on: run every variable whose name starts with `prefix` as an application."""
        for name, value in list(self.variables.items()):
            if name.startswith(prefix):
                self._execute_on(self, value)

    def api_on(self, prefix: str) -> None:
        """switch_channel_api_on: run every variable whose name starts with `prefix` as an API command."""
        for name, value in list(self.variables.items()):
            if name.startswith(prefix):
                self._api_on(self, value)

    # -- life -------------------------------------------------------------------------------------------------------

    def mark_answered(self) -> None:
        """200 OK went or came. Runs execute_on_answer and api_on_answer. Lock held."""
        if self.answered or self.cause:
            return
        self.answered = True
        if self.profile.direction == "outbound":
            self.line.hold()  # until the channel's thread, which starts now, waits in an application
        self.answered_at_ms = self.line.now_ms
        self.profile.answered_us = int(time.time() * 1_000_000)
        self.variables |= _WHEN_ANSWERED
        self.publish(self.event("CHANNEL_ANSWER"))
        self.execute_on("execute_on_answer")
        self.api_on("api_on_answer")
        self.line.lock.notify_all()

    def hangup(self, cause: str = "NORMAL_CLEARING") -> None:
        """End the call from our side. The other side is told in `leave`, as FreeSWITCH does it."""
        with self.line.lock:
            if self.cause:
                return
            self.cause = cause
            self.state = "CS_HANGUP"
            self.profile.hungup_us = int(time.time() * 1_000_000)
            self.publish(self.event("CHANNEL_HANGUP"))
            self.resume()
            self.line.lock.notify_all()

    def ready(self) -> bool:
        """False from the hangup on."""
        return self.cause is None

    def leave(self) -> None:
        """CS_HANGUP: timestamps, cause variables, and BYE, CANCEL or refusal to the other side (sofia_on_hangup)."""
        with self.line.lock:
            cause = self.cause or "NORMAL_CLEARING"
            self.set("hangup_cause", cause)
            self.set("hangup_cause_q850", str(causes.q850(cause)))
            self._set_timestamps()
            if self._got_bye:
                return
            other = self.line.other(self)
            inbound = self.profile.direction == "inbound"
            if self.answered:
                self.set("sip_hangup_disposition", "send_bye")
                other.other_hung_up(cause, None)
            elif inbound:
                status = causes.sip_of_cause(cause)
                self.set("sip_hangup_disposition", "send_refuse")
                self.set("sip_invite_failure_status", str(status))
                self.set("sip_invite_failure_phrase", causes.phrase_of(status))
                self.set("sip_term_status", str(status))
                self.set("proto_specific_hangup_cause", f"sip:{status}")
                other.other_hung_up(cause, status)
            else:
                self.set("sip_hangup_disposition", "send_cancel")
                self.set("sip_invite_failure_status", "487")
                self.set("sip_invite_failure_phrase", "CANCEL")
                other.other_hung_up("ORIGINATOR_CANCEL", None)
            self.line.end()

    def _set_timestamps(self) -> None:
        profile = self.profile
        seconds = (self.line.now_ms - self.answered_at_ms) // 1000 if self.answered else 0
        for name, micros in (
            ("start", profile.created_us),
            ("progress", profile.progress_us),
            ("progress_media", 0),
            ("answer", profile.answered_us),
            ("end", profile.hungup_us),
        ):
            self.set(f"{name}_epoch", str(micros // 1_000_000))
            self.set(f"{name}_uepoch", str(micros))
            if micros:
                self.set(f"{name}_stamp", time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(micros / 1_000_000)))
        self.set("duration", str(self.line.now_ms // 1000))
        self.set("billsec", str(seconds))

    # -- waiting in an application ----------------------------------------------------------------------------------

    def wait(self) -> None:
        """Block the channel's thread and let the line's clock run, until `resume` or hangup. Lock held."""
        if self.cause:
            return
        self._waiting = True
        self.line.release()
        self.line.lock.notify_all()
        while self._waiting:
            self.line.lock.wait()

    def resume(self) -> None:
        """The application's wait is over; the clock stands from here on until the thread waits again. Lock held."""
        if self._waiting:
            self._waiting = False
            self.line.hold()
            self.line.lock.notify_all()

    # -- Party ------------------------------------------------------------------------------------------------------

    def terminal(self) -> FaxTerminal | None:
        return self.fax.terminal if self.fax is not None and self.cause is None else None

    def speak(self, frame: Frame) -> bool:
        return False

    def asks_for_t38(self) -> bool:
        return self.fax is not None and self.cause is None and self.fax.asks_for_t38()

    def answer_t38_offer(self) -> str:
        # switch_core_media.c looks at the channel variable alone; enable-t38 of spandsp.conf does not count.
        if not self.is_true("fax_enable_t38"):
            return "refuse"
        return "wait" if self.fax is None else self.fax.answer_t38_offer()

    def t38_answered(self, *, accepted: bool) -> None:
        if accepted and not self.is_true("fax_enable_t38"):
            self.hangup("INCOMPATIBLE_DESTINATION")
            return
        if self.fax is not None:
            self.fax.t38_answered(accepted=accepted)

    def t38_started(self) -> None:
        self.set("has_t38", "true")
        if self.fax is not None:
            self.fax.t38_started()

    def heard(self) -> None:
        if self.fax is not None:
            self.fax.heard()

    def other_rings(self) -> None:
        self._hear_response()
        self.profile.progress_us = self.profile.progress_us or int(time.time() * 1_000_000)

    def heard_digit(self, digit: str, *, in_band: bool) -> None:
        return  # no application here collects digits

    def takes_telephone_events(self) -> bool:
        return True

    def other_answered(self) -> None:
        self._hear_response()
        # switch_core_media.c: without telephone-event in the answer FreeSWITCH goes over to SIP INFO.
        events = self.line.other(self).takes_telephone_events()
        self.set("dtmf_type", "rfc2833" if events else "info")
        self.mark_answered()

    def _hear_response(self) -> None:
        """Where a response to our INVITE came from (sofia.c, sofia_handle_sip_r_invite)."""
        if self.profile.direction == "outbound":
            self.variables |= {"sip_network_ip": "127.0.0.1", "sip_network_port": "5060"}

    def other_hung_up(self, cause: str, sip_status: int | None) -> None:
        if self.cause:
            return
        self._got_bye = True
        if self.answered:
            number = causes.CAUSES[cause]
            # Above 127 the Reason is a SIP one, and the BYE's 200 decides.
            ours = causes.name_of(number) if number <= causes.CAUSES["INTERWORKING"] else "NORMAL_CLEARING"
            self.set("sip_term_status", "200")
            self.set("proto_specific_hangup_cause", "sip:200")
            self.set("sip_term_cause", str(causes.CAUSES[ours]))
            self.set("sip_hangup_disposition", "recv_bye")
            self.hangup(ours)
        elif sip_status in causes.REDIRECTIONS:
            self._hear_response()
            self.set("sip_redirected_to", causes.REDIRECTED_TO)
            self.set("proto_specific_hangup_cause", f"sip:{sip_status}")
            # FreeSWITCH says that it cancelled the call: see `leave`.
            self._got_bye = False
            self.hangup("REQUESTED_CHAN_UNAVAIL")
            return
        elif sip_status is not None:
            self._hear_response()
            self.ring_result = sip_status
            self.set("sip_hangup_disposition", "recv_refuse")
            self.set("sip_invite_failure_status", str(sip_status))
            self.set("sip_invite_failure_phrase", causes.phrase_of(sip_status))
            self.set("sip_term_status", str(sip_status))
            self.set("proto_specific_hangup_cause", f"sip:{sip_status}")
            self.set("sip_term_cause", str(causes.CAUSES[cause]))
            self.hangup(cause)
        else:
            self.set("sip_hangup_disposition", "recv_cancel")
            self.set("sip_invite_failure_status", "487")
            self.set("sip_invite_failure_phrase", "CANCEL")
            self.hangup("ORIGINATOR_CANCEL")
        self.line.end()


class ChannelTable:
    """The channels that exist, by UUID, from creation until after the hangup hook. Thread safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._channels: dict[str, Channel] = {}

    def add(self, channel: Channel) -> None:
        """From now on it exists."""
        with self._lock:
            self._channels[channel.uuid] = channel

    def remove(self, channel: Channel) -> None:
        """It is gone."""
        with self._lock:
            self._channels.pop(channel.uuid, None)

    def get(self, uuid: str) -> Channel | None:
        """The channel with that UUID, hung up or not (switch_core_session_force_locate); None where there is none."""
        with self._lock:
            return self._channels.get(uuid)

    def locate(self, uuid: str) -> Channel | None:
        """The channel with that UUID; None from its hang-up on, long before its script and its hook are done.

        switch_core_session_locate: switch_core_session_read_lock refuses a channel that is switch_channel_down_nosig.
        """
        channel = self.get(uuid)
        return channel if channel is not None and channel.ready() else None

    def all(self) -> list[Channel]:
        """Every channel, in order of creation."""
        with self._lock:
            return list(self._channels.values())

    def __len__(self) -> int:
        with self._lock:
            return len(self._channels)


def is_true(value: str | None) -> bool:
    """switch_true: yes, on, true, t, enabled, active, allow, or a number other than 0."""
    if not value:
        return False
    text = value.lower()
    if text in ("yes", "on", "true", "t", "enabled", "active", "allow"):
        return True
    return text.lstrip("+-").isdigit() and int(text) != 0
