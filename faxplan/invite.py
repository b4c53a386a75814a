"""What an INVITE says, as FreeSWITCH shows it. The peer wrote every word of it.

Header values are read from the headers themselves. FreeSWITCH's own variables for their parts are not to be had: a
parameter `user` of From or To overwrites sip_from_user and sip_to_user (sofia.c, set_variable_sip_param), and
caller_id_number is what stands in the last of From, Remote-Party-ID, P-Asserted-Identity and P-Preferred-Identity,
whoever sent them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from faxplan import channel_variables as cv
from faxplan import sip_address

NOBODY = "nobody"
"""What sofia.c has for a URI without a user."""


@dataclass(frozen=True, slots=True)
class Invite:
    """Values of headers, whole. None: it has no such header, or FreeSWITCH hides it, as it does where `${` is in it.

    request_user: of the Request-URI, without parameters; empty where there is none. asserted, remote_party: the first,
    or its user part alone. identity: the first. name_parameters: what FreeSWITCH has cut off the user part of a header.
    account: the user name with which the trunk registers, from our own gateway file. verified: sip_verstat, which only
    FreeSWITCH's own verification sets.
    """

    request_uri: str | None = None
    request_user: str = ""
    to: str | None = None
    sender: str | None = None
    asserted: str | None = None
    remote_party: str | None = None
    preferred: str | None = None
    privacy: str | None = None
    diversion: str | None = None
    history: str | None = None
    identity: str | None = None
    name_parameters: str | None = None
    account: str | None = None
    verified: str | None = None

    @property
    def to_user(self) -> str:
        """The user part of To; empty where there is none."""
        found = sip_address.parse(self.to or "")
        return "" if found is None else found.user

    @property
    def names_its_number_in_to(self) -> bool:
        """Whether the Request-URI is our own Contact, and the number that is called stands in To.

        A trunk that we register with calls our Contact, gw+NAME, or the user name of the account. sofia.c would take To
        wherever the Contact's parameters are in the request, whatever number stands before them.
        """
        # Not asked whether there is such a gateway: one that is gone may still be called.
        user = self.request_user
        return not user or user.startswith("gw+") or user == self.account


def read(get: Callable[[str], str | None]) -> Invite:
    """From the variables of a channel."""
    user = (get(cv.SIP_REQ_USER) or "").partition(";")[0]
    uri, parameters = get(cv.SIP_REQ_URI), get(cv.SIP_REQ_PARAMS)
    return Invite(
        request_uri=f"sip:{uri};{parameters}" if uri and parameters else f"sip:{uri}" if uri else None,
        request_user="" if user == NOBODY else user,
        to=get(cv.SIP_FULL_TO),
        sender=get(cv.SIP_FULL_FROM),
        asserted=get(cv.SIP_ASSERTED),
        remote_party=get(cv.SIP_REMOTE_PARTY),
        preferred=get(cv.SIP_PREFERRED),
        privacy=get(cv.SIP_PRIVACY),
        diversion=get(cv.SIP_DIVERSION),
        history=get(cv.SIP_HISTORY_INFO),
        identity=get(cv.SIP_IDENTITY),
        name_parameters=get(cv.SIP_NAME_PARAMETERS),
        account=get(cv.TRUNK_ACCOUNT),
        verified=get(cv.SIP_VERSTAT_DETAILED) or get(cv.SIP_VERSTAT),
    )
