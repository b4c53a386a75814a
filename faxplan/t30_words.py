"""What frames and signals of T.30 mean (ITU-T T.30, 5.3.6 and Annex A), and what spandsp says when one goes wrong."""

import re

FRAMES = {
    "CED": "the answer tone of a fax machine",
    "CNG": "the calling tone of a fax machine",
    "DIS": "the receiver says what it can do",
    "CSI": "the receiver's ident",
    "NSF": "the receiver's features that no standard knows, and its make",
    "DTC": "asks the other side to send",
    "DCS": "the sender says how it will send",
    "TSI": "the sender's ident",
    "NSS": "the sender's features that no standard knows",
    "TCF": "training: a test of the line at that speed",
    "CFR": "training was good: go on",
    "FTT": "training failed: try again, slower",
    "CTC": "goes on after corrections, maybe slower",
    "CTR": "agrees to CTC",
    "PAGE": "a page, without error correction",
    "FCD": "page data, with error correction",
    "RCP": "end of this part of the page data",
    "MPS": "end of page, more to come",
    "EOP": "end of the last page",
    "EOM": "end of page, then back to negotiation",
    "PPS": "end of a part of a page",
    "PPS-NULL": "end of a part of a page, the page goes on",
    "PPS-MPS": "end of page, more to come",
    "PPS-EOP": "end of the last page",
    "PPS-EOM": "end of page, then back to negotiation",
    "PRI-MPS": "end of page, and an operator is wanted",
    "PRI-EOP": "end of the last page, and an operator is wanted",
    "PRI-EOM": "end of page, and an operator is wanted",
    "MCF": "confirmed: it has arrived",
    "RTP": "confirmed, but train again",
    "RTN": "not good: train again",
    "PIP": "confirmed, and an operator is wanted",
    "PIN": "not good, and an operator is wanted",
    "PPR": "some frames are missing: send them again",
    "RNR": "not ready to receive yet",
    "RR": "asks whether the receiver is ready",
    "EOR": "gives up on the missing frames",
    "ERR": "agrees to EOR",
    "CRP": "did not understand: repeat the command",
    "DCN": "hangs up",
    "PWD": "password",
    "SUB": "sub-address",
    "SEP": "selective polling",
}
OF_THE_SECOND_FCF = {
    "00": "NULL", "4f": "MPS", "4e": "MPS", "2f": "EOP", "2e": "EOP", "8f": "EOM", "8e": "EOM",
}  # fmt: skip
"""What a PPS says at the end of a page, by its fourth octet (t30_fcf.h; the last bit is X)."""
WORSE = frozenset({"FTT", "RTN", "PIN", "PPR", "CRP", "ERR", "EOR"})
"""Frames that say that something went wrong."""

TROUBLES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"T0 expired", "no fax machine answered in time (timer T0)"),
        (r"T1 expired", "no first message in time (timer T1)"),
        (r"T1A expired|T2A expired|T4A expired|-flagged expired", "a frame lasted too long"),
        (r"T2 expired", "the sender's next command did not come in time (timer T2)"),
        (r"T3 expired", "no operator came in time (timer T3)"),
        (r"T4 expired", "no answer in time (timer T4)"),
        (r"T5 expired", "the receiver did not become ready in time (timer T5)"),
        (r"Command reattempt number (\d+)|Retry number (\d+)", "tried again"),
        (r"Too many retries", "too many tries: gave up"),
        (r"Unexpected (\S+) frame in state", "a frame that does not fit here"),
        (r"Bad HDLC CRC received", "a frame that came damaged"),
        (r"Bad HDLC frame|Unexpected HDLC", "a frame that cannot be read"),
        (r"Trainability \(TCF\) test failed|Trainability test failed", "the training came damaged"),
        (r"No TCF data received", "the training did not come"),
        (r"carrier not found", "the pages' carrier did not come"),
        (r"did not end cleanly", "the signal ended in the middle"),
        (r"Cannot negotiate an image (\w+)", "the receiver does not take such an image"),
        (r"Remote does not support a compatible modem|modem standard we do not support", "no modem that both have"),
        (r"far end is incompatible|far end cannot (receive|transmit)", "the far machine cannot do it"),
        (r"Page quality is (?:poor|bad)", "the page came damaged"),
        (r"Application rejected", "refused by the application"),
    )
)
