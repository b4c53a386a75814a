"""Setting up calls: originate through a gateway, calls that come in, and each channel's life in its own thread."""

import uuid as uuids
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench import causes, invite
from bench.caller_profile import CallerProfile
from bench.channel import Channel, is_true
from bench.dial_string import DialString, parse_originate
from bench.errors import InvalidDialString
from bench.far_end import Behaviour, FarEnd, FarFaxResult
from bench.freeswitch_module import Event, Stream
from bench.line import Line
from bench.numbering_plan import OwnNumber

if TYPE_CHECKING:
    from bench.switch import Switch

DEFAULT_RING_SECONDS = 60
REMOTE_SENDER = Behaviour(t38="accept", ident="REMOTE SENDER")


@dataclass(frozen=True)
class InboundCall:
    """A call from outside, and who makes it. Of `behaviour`, kind, ring_ms and sip_status do not count.

    headers: of the INVITE, as name and value; From and To in place of those that caller, caller_name and number make.
    """

    number: str
    tiff: Path
    caller: str = "+49891234567"
    caller_name: str = ""
    from_address: str = "127.0.0.1"
    behaviour: Behaviour = REMOTE_SENDER
    headers: Sequence[tuple[str, str]] = ()


class Calls:
    """Makes lines and channels, and runs the channels."""

    def __init__(self, switch: "Switch") -> None:
        self._switch = switch

    def originate(self, argument: str) -> str:
        """API originate: block until answer or failure; `+OK <uuid>` or `-ERR <cause>`."""
        switch = self._switch
        try:
            dial = parse_originate(argument)
        except InvalidDialString as error:
            switch.complain(f"originate: {error}")
            return "-ERR DESTINATION_OUT_OF_ORDER\n"
        if not switch.gate.admits("outbound"):
            return "-ERR DESTINATION_OUT_OF_ORDER\n"
        gateway = switch.gateways.find(dial.gateway)
        if gateway is None or not gateway.up:
            switch.gate.leaves()
            return "-ERR INVALID_GATEWAY\n" if gateway is None else "-ERR GATEWAY_DOWN\n"
        gateway.calls_out += 1
        channel = self._dial(dial)
        with channel.line.lock:
            while not channel.answered and channel.ready():
                channel.line.lock.wait()
            answered = channel.answered
        if not answered:
            gateway.failed_calls_out += 1
            self._start(channel, lambda: None)
            return f"-ERR {channel.cause}\n"
        self._start(
            channel, lambda: switch.applications.execute(channel, dial.application, dial.application_data), held=True
        )
        return f"+OK {channel.uuid}\n"

    def _dial(self, dial: DialString) -> Channel:
        switch, variables = self._switch, dial.variables
        target = switch.config.plan.look_up(dial.number, dial.gateway)
        if isinstance(target, Behaviour) and target.sip_status in causes.REDIRECTIONS:
            _check_redirection(switch, variables)
        line = Line(
            switch.pump.wake,
            loss_percent=target.loss_percent,
            seed=target.seed,
            refuses_t38=isinstance(target, OwnNumber) and target.refuses_t38,
        )
        profile = CallerProfile(
            "outbound",
            dial.number,
            variables.get("origination_caller_id_number", "0000000000"),
            variables.get("origination_caller_id_name", ""),
        )
        name = f"sofia/{switch.config.profile}/{dial.number}"
        channel = Channel(
            line,
            profile,
            name,
            switch.events.publish,
            switch.applications.execute_on,
            switch.applications.api_on,
            variables.get("origination_uuid"),
        )
        channel.variables.update(_sofia_variables(channel, dial, switch.gate.total))
        channel.variables.update(variables)
        ring_s = variables.get("originate_timeout", "")
        line.schedule(
            (int(ring_s) if ring_s.isdigit() else DEFAULT_RING_SECONDS) * 1000, lambda: _give_up(channel, "NO_ANSWER")
        )
        with line.lock:
            if isinstance(target, OwnNumber):
                self._deliver(line, channel, target, profile.caller_id_number, profile.caller_id_name)
            else:
                far_end = FarEnd(line, target, keep_in=switch.config.far_end_dir)
                line.join(channel, far_end)
                far_end.ring()
            switch.channels.add(channel)
            switch.events.publish(channel.event("CHANNEL_CREATE"))
            switch.events.publish(channel.event("CHANNEL_ORIGINATE"))
        switch.pump.add(line)
        return channel

    def call_in(self, call: InboundCall) -> FarFaxResult:
        """A fax machine outside calls one of our numbers. Returns at once; `result.ended` is set when it is over."""
        line = Line(self._switch.pump.wake, loss_percent=call.behaviour.loss_percent, seed=call.behaviour.seed)
        far_end = FarEnd(line, call.behaviour, sends=call.tiff)
        with line.lock:
            target = OwnNumber(call.number, call.from_address, 0, False)
            self._deliver(line, far_end, target, call.caller, call.caller_name, call.headers)
        self._switch.pump.add(line)
        return far_end.result

    def _deliver(
        self,
        line: Line,
        caller: Channel | FarEnd,
        own: OwnNumber,
        number: str,
        name: str,
        headers: Sequence[tuple[str, str]] = (),
    ) -> None:
        """An INVITE for one of our numbers: refuse it with 503, or make a channel and run the dialplan. Lock held."""
        switch = self._switch
        sent = [*invite.addresses(number, name, own.number, own.from_address, headers), *headers]
        shown, shown_name = invite.caller_id(sent)
        profile = CallerProfile("inbound", own.number, shown, shown_name, own.from_address, shown, context="public")
        channel = Channel(
            line,
            profile,
            f"sofia/{switch.config.profile}/{number}@{own.from_address}",
            switch.events.publish,
            switch.applications.execute_on,
            switch.applications.api_on,
        )
        line.join(caller, channel)
        if not switch.gate.admits("inbound"):
            # The INVITE is answered by the stack itself; there never is a channel.
            line.schedule(0, lambda: caller.other_hung_up("NORMAL_TEMPORARY_FAILURE", 503))
            return
        call_id = str(uuids.uuid4())
        channel.variables.update(
            {
                "direction": "inbound",
                "uuid": channel.uuid,
                "session_id": str(switch.gate.total),
                "sip_from_uri": f"{number}@{own.from_address}",
                "sip_from_host": own.from_address,
                "sip_network_ip": own.from_address,
                "sip_network_port": "5060",
                "sip_received_ip": own.from_address,
                "sip_received_port": "5060",
                "sip_via_protocol": "udp",
                "sip_req_user": own.number,
                "sip_req_host": "127.0.0.1",
                "sip_req_uri": f"{own.number}@127.0.0.1",
                "sip_to_host": "127.0.0.1",
                "sip_to_uri": f"{own.number}@127.0.0.1",
                "sip_contact_user": number,
                "sip_call_id": call_id,
                "sip_user_agent": "bench",
                "sofia_profile_name": switch.config.profile,
                "recovery_profile_name": switch.config.profile,
                "channel_name": channel.name,
                "endpoint_disposition": "INBOUND CALL",
                "max_forwards": "70",
            }
        )
        channel.variables.update(invite.variables(sent))
        switch.channels.add(channel)
        switch.events.publish(channel.event("CHANNEL_CREATE"))
        line.hold()
        self._start(channel, lambda: self._dialplan(channel), held=True)

    def _dialplan(self, channel: Channel) -> None:
        for step in self._switch.config.inbound:
            if not channel.ready():
                return
            application, _, data = step.partition(" ")
            self._switch.applications.execute(channel, application, data)

    def _start(self, channel: Channel, work: Callable[[], None], *, held: bool = False) -> None:
        """The channel's own thread: its application, then hangup, hook, and the end of the channel."""
        switch = self._switch
        channel.state = "CS_EXECUTE" if channel.ready() else "CS_HANGUP"

        def life() -> None:
            try:
                if channel.ready():
                    work()
            except Exception as error:  # noqa: BLE001 - the hook and the end of the channel must follow
                switch.complain(f"a channel's thread broke: {error!r}", error)
            finally:
                channel.hangup("NORMAL_CLEARING")
                channel.leave()
                self._run_hook(channel)
                if held:
                    channel.line.release()
                channel.state = "CS_REPORTING"
                switch.events.publish(channel.event("CHANNEL_HANGUP_COMPLETE"))
                switch.channels.remove(channel)
                switch.gate.leaves()
                switch.events.publish(channel.event("CHANNEL_DESTROY"))
                switch.call_over(channel)

        switch.call_begins(channel)
        switch.scripts.start_thread(f"channel-{channel.uuid[:8]}", life)

    def _run_hook(self, channel: Channel) -> None:
        """api_hook of switch_core_state_machine.c: `api args`, or `api::args` if the first colon is a double one."""
        hook = channel.get("api_hangup_hook")
        if not hook:
            return
        before, colons, after = hook.partition(":")
        if colons and after.startswith(":"):
            command, argument = before, after[1:]
            if " " in command:
                self._switch.complain(
                    f"api_hangup_hook {hook!r}: FreeSWITCH splits at the first '::' and finds no API {command!r}; "
                    "write python::module::function arguments"
                )
        else:
            command, _, argument = hook.partition(" ")
        if "${" in argument:
            self._switch.complain(f"api_hangup_hook expands variables: {hook!r}")
        # The variables without prefix come first: switch_channel_get_variables, then switch_channel_event_set_data.
        environment = channel.event("CHANNEL_DATA")
        environment.headers = dict(channel.variables) | environment.headers
        stream = Stream()
        with_session = channel.is_true("session_in_hangup_hook")
        self._switch.api.run(command, argument, stream, Event.received(environment), channel if with_session else None)


def _check_redirection(switch: "Switch", variables: Mapping[str, str]) -> None:
    if not is_true(variables.get("outbound_redirect_fatal")):
        switch.complain("FreeSWITCH would follow this redirection, to whatever Contact it has: outbound_redirect_fatal")


def _sofia_variables(channel: Channel, dial: DialString, session_id: int) -> dict[str, str]:
    """What mod_sofia sets of a call that goes out, before the dial string's own."""
    return {
        "direction": "outbound",
        "is_outbound": "true",
        "uuid": channel.uuid,
        "session_id": str(session_id),
        "sip_gateway_name": dial.gateway,
        "sip_profile_name": "gateway",
        "channel_name": channel.name,
        "sip_call_id": str(uuids.uuid4()),
        "sip_to_user": dial.number,
        "originate_early_media": "false",
        "sip_destination_url": f"sip:{dial.number}@127.0.0.1",
        "sip_req_uri": f"{dial.number}@127.0.0.1",
        "sip_to_host": "127.0.0.1",
        "sip_from_host": "127.0.0.1",
        "sip_local_network_addr": "127.0.0.1",
    }


def _give_up(channel: Channel, cause: str) -> None:
    if not channel.answered:
        channel.hangup(cause)
