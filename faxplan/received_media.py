"""How a received call's pages travel, as trunk and DID want it (dial_string.py has those of a sent one)."""

from faxplan import channel_variables as cv
from faxplan import encrypted_media
from faxplan.dial_string import T38_ASKED_BY_RECEIVER, redundancy
from faxplan.trunks import Trunk


def variables(trunk: Trunk, *, t38: bool, ecm: bool) -> dict[str, str]:
    """The channel variables that must stand before the answer, in place of the dialplan's: image SDP may come with it.

    t38, ecm: whether trunk and DID both allow it.

    No codec: FreeSWITCH chose one from the INVITE, by the carrier's order, before the call came to us.
    """
    variables = {
        cv.FAX_ENABLE_T38: _true(t38),
        cv.FAX_ENABLE_T38_REQUEST: T38_ASKED_BY_RECEIVER[trunk.t38_request] if t38 else "false",
        cv.T38_REDUNDANCY: redundancy(trunk.t38_redundancy),
        cv.FAX_USE_ECM: _true(ecm),
        cv.FAX_DISABLE_V17: _true(not trunk.v17),
    }
    return variables | encrypted_media.RECEIVED_CALL if trunk.encrypted_media else variables


def _true(value: bool) -> str:
    return "true" if value else "false"
