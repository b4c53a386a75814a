"""The table of trunk_troubles: what goes wrong with a trunk, what that means, and what to do.

Sources: RFC 3261, 21 (SIP codes); sofia_reg.c and sofia.c (states of a gateway); t30.h of spandsp (fax result codes).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from faxplan.language import marked


@dataclass(frozen=True, slots=True)
class Trouble:
    """A line of the table. seen: where it shows. means, do: marked messages, with {fields}."""

    name: str
    seen: str
    means: str
    do: str


OPTIONS, GATEWAY, REGISTRATION, CALL = (
    marked("OPTIONS"),
    marked("Gateway"),
    marked("Registration"),
    marked("Test fax"),
)
_ASK_CARRIER = marked("Ask the carrier.")
_ACCOUNT = marked(
    "Enter user name and password anew, as the carrier has them (`faxplan trunk set {trunk} --username "
    "NAME --password-file -`). Many carriers have a user name of its own for SIP; some want their "
    "domain as realm or in From."
)

_TABLE = (
    # ------------------------------------------------------------------------------------------ reaching the carrier
    Trouble(
        "unresolved",
        OPTIONS,
        marked("{where} did not answer OPTIONS: its name cannot be resolved."),
        marked("Check the host for typing errors, and this machine's DNS (`getent hosts {host}`)."),
    ),
    Trouble(
        "silent",
        OPTIONS,
        marked("{where} did not answer OPTIONS: nothing came within {seconds} s."),
        marked(
            "Check host and port, the firewall, and the carrier's access list: many carriers answer only "
            "addresses that their customer has entered there. Some answer no OPTIONS at all, and take calls: "
            "then FreeSWITCH must send none, or it takes the trunk for down (`faxplan trunk set NAME --clear "
            "ping_seconds`)."
        ),
    ),
    Trouble(
        "nobody-listens",
        OPTIONS,
        marked("{where} did not answer OPTIONS: nobody listens there."),
        marked("Check host, port and transport."),
    ),
    Trouble(
        "unreachable",
        OPTIONS,
        marked("{where} did not answer OPTIONS: {error}."),
        marked("Check this machine's network and its address towards the trunk (faxplan_sip_ip in vars.xml)."),
    ),
    Trouble(
        "closed",
        OPTIONS,
        marked("{where} did not answer OPTIONS: it closed the connection."),
        marked("Check the transport: what listens there may want TLS, or speak no SIP over TCP."),
    ),
    Trouble(
        "no-sip",
        OPTIONS,
        marked("{where} did not answer OPTIONS: what answers there does not speak SIP."),
        marked("Check host and port."),
    ),
    Trouble(
        "tls",
        OPTIONS,
        marked("{where} did not answer OPTIONS: {error}."),
        marked("Check the certificates: docs/install-on-freeswitch.md, A trunk over TLS."),
    ),
    # ----------------------------------------------------------------------------------- what OPTIONS are answered with
    Trouble(
        "options-401",
        OPTIONS,
        marked("The carrier answers OPTIONS with {status}: it wants a user name and a password for it."),
        marked("That is no fault by itself: it speaks SIP with you. Whether it takes your account, a call tells."),
    ),
    Trouble(
        "options-403",
        OPTIONS,
        marked(
            "The carrier answers OPTIONS with {status}: it does not want you from this address, or not without "
            "an account."
        ),
        marked(
            "Have the carrier enter your public address in its access list, or register (`faxplan trunk set "
            "{trunk} --register on`)."
        ),
    ),
    Trouble(
        "options-404",
        OPTIONS,
        marked("The carrier answers OPTIONS with {status}: it knows no such destination, but it speaks SIP with you."),
        marked(
            "That is no fault by itself. Where calls fail too, check the host: some carriers want their "
            "domain, not an address."
        ),
    ),
    Trouble(
        "options-408",
        OPTIONS,
        marked("The carrier answers OPTIONS with {status}: {follows}."),
        marked("A server in front answers, and what stands behind it does not. Ask the carrier."),
    ),
    Trouble(
        "options-503",
        OPTIONS,
        marked("The carrier answers OPTIONS with {status}: {follows}."),
        _ASK_CARRIER,
    ),
    # --------------------------------------------------------------------------------------------------- the gateway
    Trouble(
        "off",
        GATEWAY,
        marked("The trunk is switched off, and FreeSWITCH has no gateway for it."),
        marked("Switch it on (`faxplan trunk set {trunk} --enabled on`)."),
    ),
    Trouble(
        "no-gateway",
        GATEWAY,
        marked("FreeSWITCH does not know the gateway."),
        marked(
            "It takes a new one up within ten seconds, where gateway_dir is set and the runtime is at work "
            "(`faxplan doctor`). A trunk that registers is on one node alone (`faxplan node list`)."
        ),
    ),
    Trouble(
        "no-gateway-tls",
        GATEWAY,
        marked("FreeSWITCH does not know the gateway."),
        marked(
            "It takes a new one up within ten seconds, where gateway_dir is set and the runtime is at work "
            "(`faxplan doctor`). A trunk that registers is on one node alone (`faxplan node list`). For TLS, "
            "faxplan_tls must be true in its faxplan/vars.xml."
        ),
    ),
    Trouble(
        "no-profile",
        GATEWAY,
        marked("Profile {profile} does not run in FreeSWITCH, so that nothing can be sent."),
        marked("See FreeSWITCH's log (`faxplan doctor`)."),
    ),
    Trouble(
        "ping-down",
        GATEWAY,
        marked(
            "The gateway is down, because the carrier does not answer FreeSWITCH's OPTIONS, or with 503 or 408 "
            "only: calls fail at once."
        ),
        marked("Ask the carrier, or send it no OPTIONS (`faxplan trunk set {trunk} --clear ping_seconds`)."),
    ),
    # ---------------------------------------------------------------------------------------------- the registration
    Trouble(
        "registering",
        REGISTRATION,
        marked("The registration is under way (state {state}), and calls fail at once until it is done."),
        marked("Look again in a moment; where it stays so, the host is wrong or does not answer."),
    ),
    Trouble(
        "registration-failed",
        REGISTRATION,
        marked("The registration is in state {state}: calls fail at once."),
        marked("Check host, user name and password (`faxplan trunk set {trunk} --username NAME --password-file -`)."),
    ),
    Trouble(
        "registration-401",
        REGISTRATION,
        marked("The carrier refuses the registration with {status} {phrase}: user name, password or realm are wrong."),
        _ACCOUNT,
    ),
    Trouble(
        "registration-challenge",
        REGISTRATION,
        marked(
            "The carrier asks for user name and password again, whatever it is given (401), which is a refusal: user "
            "name, password or realm are wrong."
        ),
        _ACCOUNT,
    ),
    Trouble(
        "registration-403",
        REGISTRATION,
        marked(
            "The carrier refuses the registration with {status} {phrase}: mostly a wrong password, or an "
            "account that may not register from this address."
        ),
        _ACCOUNT,
    ),
    Trouble(
        "registration-404",
        REGISTRATION,
        marked("The carrier refuses the registration with {status} {phrase}: it knows no such user at this domain."),
        marked(
            "Check the user name, and that the host is the domain that the carrier names (`faxplan trunk set "
            "{trunk} --host DOMAIN --username NAME`)."
        ),
    ),
    Trouble(
        "registration-423",
        REGISTRATION,
        marked("The carrier refuses the registration with {status} {phrase}: it wants longer intervals."),
        _ASK_CARRIER,
    ),
    Trouble(
        "registration-503",
        REGISTRATION,
        marked(
            "The registration failed with {status} {phrase}: the host cannot be found or reached, or takes nobody now."
        ),
        marked("Check host, port and transport; FreeSWITCH says 503 itself where the DNS knows no such name."),
    ),
    Trouble(
        "registration-silent",
        REGISTRATION,
        marked("The registration was not answered."),
        marked(
            "Where OPTIONS are answered: check user name and password (`faxplan trunk set {trunk} --username "
            "NAME --password-file -`). Where not: host, port, transport, and the firewall."
        ),
    ),
    Trouble(
        "registration-other",
        REGISTRATION,
        marked("The carrier refuses the registration with {status} {phrase}."),
        _ASK_CARRIER,
    ),
    # -------------------------------------------------------------------------------------------------- the test fax
    Trouble(
        "call-401",
        CALL,
        marked("The carrier did not accept user name and password for the call (SIP {sip_code})."),
        _ACCOUNT,
    ),
    Trouble(
        "call-402",
        CALL,
        marked("The carrier wants to be paid before it dials (SIP {sip_code})."),
        marked("Look at your account at the carrier."),
    ),
    Trouble(
        "call-403",
        CALL,
        marked("The carrier forbids the call (SIP {sip_code})."),
        marked(
            "Usual reasons: your address is not in its access list, the caller ID is no number of yours there, "
            "or the destination is not permitted to you. Try another caller ID (`--from`), and ask the carrier."
        ),
    ),
    Trouble(
        "call-404",
        CALL,
        marked("The carrier knows no such number (SIP {sip_code}); it was dialled {dialled}."),
        marked("Where the number is right, the carrier wants it written otherwise: try the other format."),
    ),
    Trouble(
        "call-484",
        CALL,
        marked(
            "The carrier says that the number is incomplete or not written as it wants (SIP {sip_code}); it "
            "was dialled {dialled}."
        ),
        marked("Try the other format of called numbers."),
    ),
    Trouble(
        "call-busy",
        CALL,
        marked("The line was busy, so the trunk itself works."),
        marked("Try again, or another number."),
    ),
    Trouble(
        "call-no-answer",
        CALL,
        marked("It rang, and nobody answered: the trunk itself works."),
        marked("Try again, or another number."),
    ),
    Trouble(
        "call-488",
        CALL,
        marked("The carrier takes neither T.38 nor G.711 as they were offered (SIP {sip_code})."),
        marked(
            "Let it have one codec only (`faxplan trunk set {trunk} --codec pcma`, or pcmu in North America), "
            "and see whether it demands SRTP."
        ),
    ),
    Trouble(
        "call-503",
        CALL,
        marked("The carrier could not take the call (SIP {sip_code})."),
        marked(
            "Usual reasons: all channels of the trunk are in use, the destination cannot be reached, or an "
            "unknown account. Try again, and ask the carrier."
        ),
    ),
    Trouble(
        "call-timeout",
        CALL,
        marked("The carrier did not answer the call at all."),
        marked("Check host, port and transport, the firewall, and that the carrier has entered your address."),
    ),
    Trouble(
        "call-gateway",
        CALL,
        marked("FreeSWITCH did not send the call: the gateway is down or unknown ({cause})."),
        marked("See what is told of its gateway and registration (`faxplan trunk test {trunk}`)."),
    ),
    Trouble(
        "no-t38",
        CALL,
        marked("T.38 was refused (488), and the fax went on in G.711."),
        marked(
            "It works, but suffers from lost packets. Ask the carrier whether T.38 is switched on for your "
            "account, and which side has to ask: where the carrier does, nobody of us should (`faxplan trunk "
            "set {trunk} --t38-request nobody`)."
        ),
    ),
    Trouble(
        "private-address",
        CALL,
        marked(
            "The call was answered, and nothing was heard of a machine; FreeSWITCH tells the carrier the "
            "private address {address}."
        ),
        marked(
            "Set faxplan_ext_rtp_ip and faxplan_ext_sip_ip in FreeSWITCH's faxplan/vars.xml to your public "
            "address, and open its RTP ports (UDP 16384 to 32768) in the firewall."
        ),
    ),
    Trouble(
        "no-media",
        CALL,
        marked("The call was answered, and nothing was heard of a fax machine for as long as one may wait."),
        marked(
            "Either it is no fax number, or no sound comes back: open the RTP ports (UDP 16384 to 32768) in "
            "the firewall, switch off SIP ALG in the router, and see whether the address in SDP is your public "
            "one (`faxplan doctor`)."
        ),
    ),
    Trouble(
        "hung-up",
        CALL,
        marked(
            "It was answered, and the far end hung up after {seconds} s, before anything of a fax machine was heard."
        ),
        marked(
            "A person or an announcement, a number that takes no fax calls, or a carrier that ends the call "
            "because it gets no sound: call the number by telephone, then look at firewall and address in SDP."
        ),
    ),
    Trouble(
        "no-training",
        CALL,
        marked("Both machines were heard, but could not agree on a transmission (code {code})."),
        marked(
            "Lost packets or a compressing codec on the way. Try without V.17 (`faxplan trunk set {trunk} "
            "--v17 off`), and with T.38 if it was sound, or with sound if it was T.38 (`faxplan trunk set "
            "{trunk} --t38 on|off`)."
        ),
    ),
    Trouble(
        "t38-silent",
        CALL,
        marked("T.38 was agreed, and then nothing was heard of the other machine (code {code})."),
        marked(
            "UDPTL does not come through: open the RTP ports (UDP 16384 to 32768) in the firewall. Where they "
            "are open, do without T.38 (`faxplan trunk set {trunk} --t38 off`)."
        ),
    ),
    Trouble(
        "broke-off",
        CALL,
        marked("The fax began, and the call broke off before its end (code {code})."),
        marked(
            "Try again. Where it stays so: without ECM (`faxplan trunk set {trunk} --ecm off`), or with the "
            "other of T.38 and sound."
        ),
    ),
    Trouble(
        "call-other",
        CALL,
        marked("The test fax failed. {explanation}"),
        marked("docs/failures.md says what each code means (`faxplan show {fax}` has all of them)."),
    ),
    Trouble(
        "not-taken",
        CALL,
        marked("No switch took the test fax in time."),
        marked(
            "All calls of trunk or nodes may be in use, or no runtime is at work (`faxplan trunk state`, "
            "`faxplan status`)."
        ),
    ),
)
TABLE: Mapping[str, Trouble] = {trouble.name: trouble for trouble in _TABLE}
"""By name, in the order of the page."""
