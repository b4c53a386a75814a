"""A trace as steps: of both versions of spandsp, of calls that broke, and with lines that a stranger has forged."""

from faxplan import t30_steps
from faxplan.t30_steps import NEITHER, RECEIVED, SENT, Step

NEGOTIATED = """\
FLOW T.30 CED tone is present
FLOW T.30 Rx:  CSI without final frame tag
FLOW T.30 Rx:  ff 03 40 30
FLOW T.30 Remote gave CSI as: "+49 30 1"
FLOW T.30 Rx:  DIS with final frame tag
FLOW T.30 DIS:
FLOW T.30   ..10 11..= Supported data signalling rates: V.27 ter, V.29, and V.17
FLOW T.30   .... .1..= Error correction mode (ECM): ECM
FLOW T.30 Starting page 1 of transfer
FLOW T.30 DCS:
FLOW T.30   ..10 00..= Selected data signalling rate: V.17 14400bps
FLOW T.30   .... .0..= Error correction mode (ECM): Non-ECM
FLOW T.30 Tx:  DCS with final frame tag
FLOW T.30 Changing from phase B_TX to C_NON_ECM_TX
FLOW T.30 Rx:  CFR with final frame tag
"""


def names(trace: str) -> list[tuple[str, str]]:
    return [(step.side, step.name) for step in t30_steps.read(trace)]


def test_who_said_what_with_what_stands_in_it() -> None:
    found = t30_steps.read(NEGOTIATED)
    assert [(step.side, step.name, step.details) for step in found] == [
        (RECEIVED, "CED", ""),
        (RECEIVED, "CSI", "'+49 30 1'"),
        (RECEIVED, "DIS", "V.27 ter, V.29, and V.17, ECM"),
        (SENT, "DCS", "V.17 14400bps, no ECM"),
        (SENT, "TCF", ""),
        (RECEIVED, "CFR", ""),
    ]
    assert all(step.meaning for step in found)


def test_pages_without_and_with_error_correction() -> None:
    plain = NEGOTIATED + "FLOW T.30 Changing from phase T30_PHASE_B_RX to T30_PHASE_C_NON_ECM_TX\n"
    assert t30_steps.read(plain)[-1] == Step(SENT, "PAGE", "a page, without error correction", "page 1 of the file")
    corrected = NEGOTIATED + (
        "FAXPLAN page data: Tx 1 frames\n"
        "FLOW T.30 Changing from phase B_RX to C_ECM_TX\n"
        "FAXPLAN page data: Tx 5 frames\n"
        "FLOW T.30 Tx:  RCP without final frame tag\n"
        "FLOW T.30 Tx:  ff 03 86\n"
        "FLOW T.30 Tx:  RCP without final frame tag\n"
        "FLOW T.30 Tx:  PPS with final frame tag\n"
        "FLOW T.30 Tx:  ff 13 bf 4f 00 00 05\n"
        "FLOW T.30 Rx:  PPR with final frame tag\n"
    )
    data, rcp, pps, ppr = t30_steps.read(corrected)[-4:]
    assert (data.name, data.times, rcp.times) == ("FCD", 6, 2)
    assert (pps.name, pps.details) == ("PPS-MPS", "page 1 of this call, part 1, 6 frames")
    assert (ppr.name, ppr.trouble) == ("PPR", True)


def test_what_comes_in_is_explained_by_the_receiver() -> None:
    trace = (
        "FLOW T.30 Rx:  DCS with final frame tag\n"
        "FLOW T.30 DCS:\n"
        "FLOW T.30   ..10 00..= Selected data signalling rate: V.29 9600bps\n"
        "FLOW T.30 Changing from phase B_RX to C_NON_ECM_RX\n"
        "FLOW T.30 Trainability (TCF) test failed - longest run of zeros was 12\n"
        "FLOW T.30 Tx:  FTT with final frame tag\n"
    )
    dcs, tcf, failed, ftt = t30_steps.read(trace)
    assert dcs.details == "V.29 9600bps"
    assert (tcf.side, tcf.name) == (RECEIVED, "TCF")
    assert (failed.side, failed.trouble, failed.details) == (
        NEITHER, True, "Trainability (TCF) test failed - longest run of zeros was 12",
    )  # fmt: skip
    assert (ftt.side, ftt.trouble) == (SENT, True)


def test_where_it_broke() -> None:
    silent = t30_steps.read(
        NEGOTIATED
        + "FLOW T.30 Changing from phase B_RX to C_NON_ECM_TX\n"
        + "FLOW T.30 Tx:  MPS with final frame tag\n"
        + "FLOW T.30 T4 expired in phase D_RX, state II_Q\n"
        + "FLOW T.30 Command reattempt number 1\n"
        + "FLOW T.30 Tx:  MPS with final frame tag\n"
    )
    broke = t30_steps.broke_at(silent, success=False)
    assert broke is not None
    assert silent[broke].meaning == "tried again"
    # Trouble that the call got over is not where it broke; then it is where the trace ends.
    overcome = t30_steps.read(
        "FLOW T.30 Rx:  FTT with final frame tag\n" + NEGOTIATED + "FLOW T.30 Tx:  DCN with final frame tag\n"
    )
    assert t30_steps.broke_at(overcome, success=False) == len(overcome) - 1
    assert t30_steps.broke_at(overcome, success=True) is None
    assert t30_steps.broke_at([], success=False) is None


def test_an_ident_with_an_end_of_line_forges_no_step() -> None:
    forged = 'FLOW T.30 Remote gave CSI as: "1\nFLOW T.30 Rx:  CFR "\n'
    assert names(forged) == []
    assert names('FLOW T.30 Remote gave CSI as: "1\nRx:  CFR with final"\n') == []


def test_the_negotiation_and_the_answers_to_pages_have_their_times() -> None:
    page = "FLOW T.30 Tx:  MPS with final frame tag\nFLOW T.30 Rx:  MCF with final frame tag\n"
    trace = NEGOTIATED + page + page + "FAXPLAN times: B 1750000000\n"
    found = t30_steps.read(trace + "FAXPLAN times: D 1750000001 1750000002\n")
    assert [(step.name, step.at) for step in found if step.at is not None] == [
        ("DIS", 1_750_000_000.0), ("MCF", 1_750_000_001.0), ("MCF", 1_750_000_002.0),
    ]  # fmt: skip
    # Where there are more pages than times nobody knows which is which.
    found = t30_steps.read(trace + "FAXPLAN times: D 1750000001\n")
    assert [step.name for step in found if step.at is not None] == ["DIS"]


def test_frames_that_nobody_knows_are_told_by_their_name() -> None:
    (step,) = t30_steps.read("FLOW T.30 Rx:  XYZ with final frame tag\n")
    assert (step.name, step.meaning) == ("XYZ", "a frame")


def test_a_gap_is_told_and_an_endless_trace_ends() -> None:
    assert t30_steps.read("FAXPLAN left out: 99 bytes\n")[0].meaning == "the trace has a gap: left out: 99 bytes"
    endless = "FLOW T.30 Tx:  RR with final frame tag\nFLOW T.30 Rx:  RNR with final frame tag\n" * 5000
    assert len(t30_steps.read(endless)) == 2000
