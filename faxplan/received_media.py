"""How the pages of a received call travel, as its trunk wants it (dial_string.py has those of a sent one)."""

from faxplan import channel_variables as cv
from faxplan import encrypted_media
from faxplan.dial_string import T38_ASKED_BY_RECEIVER, redundancy
from faxplan.trunks import Trunk


def variables(trunk: Trunk) -> dict[str, str]:
    """The channel variables that must stand before the answer, in place of the dialplan's: image SDP may come with it.

    No codec: FreeSWITCH chose one from the INVITE, by the carrier's order, before the call came to us.
    """
    variables = {
        cv.FAX_ENABLE_T38: _true(trunk.t38),
        cv.FAX_ENABLE_T38_REQUEST: T38_ASKED_BY_RECEIVER[trunk.t38_request] if trunk.t38 else "false",
        cv.T38_REDUNDANCY: redundancy(trunk.t38_redundancy),
        cv.FAX_USE_ECM: _true(trunk.ecm),
        cv.FAX_DISABLE_V17: _true(not trunk.v17),
    }
    return variables | encrypted_media.RECEIVED_CALL if trunk.encrypted_media else variables


def _true(value: bool) -> str:
    return "true" if value else "false"
