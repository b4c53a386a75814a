"""A kept T.30 trace as steps that people can read: who said what, what it means, and where it broke.

A step is made of a line of spandsp's log that no far machine can write: of what that writes, idents alone reach the
log, 20 characters each, and the lines that are looked for are longer or begin otherwise.
"""

import re
from dataclasses import dataclass, replace

from faxplan import t30_trace
from faxplan.t30_words import FRAMES, OF_THE_SECOND_FCF, TROUBLES, WORSE

SENT, RECEIVED, NEITHER = "sent", "received", ""
_PREFIX = re.compile(r"(?:FLOW|WARNING|ERROR|PROTOCOL_\w+|\w+) (?:T\.30|T\.38T|FAX) ")
_NAMED = re.compile(r"([TR])x: +([A-Z0-9+/ -]{2,12}) with(?:out)? final frame tag$")
_OCTETS = re.compile(r"([TR])x: +(ff(?: [0-9a-f]{2})+)(?: \.\.\.)?$")
_DETAILS_OF = re.compile(r"(DIS|DCS|DTC):$")
_DETAIL = re.compile(r" +[.01 ]+= (?P<name>[^:]+): (?P<value>.*)$")
_IDENT = re.compile(r'Remote gave ([A-Z]{3}) as: "(.*)"?$')
_PAGE = re.compile(r"Starting page (\d+) of transfer")
_PAGE_DATA = re.compile(rf"{t30_trace.PAGE_DATA} ([TR])x (\d+) frames$")
_TIMES = re.compile(rf"{t30_trace.TIMES} ([BD])((?: \d{{1,11}})+)$")
_PHASE = re.compile(r"Changing from phase \w+ to (?:T30_PHASE_)?(\w+)$")
_SIDES = {"T": SENT, "R": RECEIVED}
_MOST_STEPS = 2000
# When spandsp calls the handler of phase B: as it has read what the other side can do, or does. Of phase D: at the end
# of each page (t30.c).
_AGREED = ("DIS", "DTC", "DCS")
_ANSWERS = ("MCF", "RTP", "RTN", "PIP", "PIN")
_PAGE_ENDS = ("MPS", "EOP", "EOM", "PPS-MPS", "PPS-EOP", "PPS-EOM", "PRI-MPS", "PRI-EOP", "PRI-EOM")


@dataclass(frozen=True, slots=True)
class Step:
    """side: SENT or RECEIVED by us, or NEITHER for what was noticed here, which has no name: of frame or signal.

    details: what stands in it. trouble: it says that something went wrong. times: how often in a row. at: UTC epoch
    seconds, where it is known: of what ended the negotiation, and of the answer to each page.
    """

    side: str
    name: str
    meaning: str
    details: str = ""
    trouble: bool = False
    times: int = 1
    at: float | None = None


def read(trace: str) -> list[Step]:
    """The steps of a kept trace, in order; at most 2000."""
    reader = _Reader()
    for line in trace.split("\n"):
        reader.take(line)
    return reader.finished()


def broke_at(steps: list[Step], *, success: bool) -> int | None:
    """The index of the step at which it broke; None where it did not, or nothing was heard at all.

    It is the last one that says so, unless the call went on well after it; else the last one there is.
    """
    if success or not steps:
        return None
    worst = max((index for index, step in enumerate(steps) if step.trouble), default=None)
    good = max((index for index, step in enumerate(steps) if step.name in ("MCF", "CFR")), default=-1)
    return worst if worst is not None and worst > good else len(steps) - 1


class _Reader:
    def __init__(self) -> None:
        self.steps: list[Step] = []
        self._details: dict[str, list[str]] = {}
        self._times: dict[str, list[int]] = {}
        self._block = ""
        self._page = 0

    def take(self, line: str) -> None:
        text = _PREFIX.sub("", line, count=1)
        if (data := _PAGE_DATA.match(text)) is not None:
            self._page_data(_SIDES[data[1]], int(data[2]))
        elif (times := _TIMES.match(text)) is not None:
            self._times[times[1]] = [int(each) for each in times[2].split()]
        elif text.startswith(t30_trace.LEFT_OUT):
            self._add(Step(NEITHER, "", f"the trace has a gap: {text.removeprefix('FAXPLAN ')}"))
        elif text == line:
            # No line of spandsp's: the rest of one, in whose ident somebody put the end of a line.
            return
        elif (details := _DETAIL.match(text)) is not None:
            self._detail(details["name"], details["value"])
        else:
            self._take_line(text)

    def _take_line(self, text: str) -> None:
        if (named := _NAMED.match(text)) is not None:
            self._frame(_SIDES[named[1]], named[2].strip())
        elif (octets := _OCTETS.match(text)) is not None:
            self._octets(octets[2].split())
        elif (block := _DETAILS_OF.match(text)) is not None:
            self._block = block[1]
            self._details[self._block] = []
        elif (ident := _IDENT.match(text)) is not None:
            self._tell_last(ident[1], f"'{ident[2].rstrip(chr(34)).strip()}'")
        elif (page := _PAGE.match(text)) is not None:
            self._page = int(page[1])
        elif (phase := _PHASE.match(text)) is not None:
            self._phase(phase[1])
        elif re.match(r"(CED|CNG) tone is present", text):
            self._add(Step(RECEIVED, text[:3], FRAMES[text[:3]]))
        else:
            self._trouble(text)

    def finished(self) -> list[Step]:
        """With the times that the switch noted, if there are as many of them as steps that they can be of."""
        negotiated = [index for index, step in enumerate(self.steps) if step.side == RECEIVED and step.name in _AGREED]
        answered = [index for index, step in enumerate(self.steps) if step.name in _ANSWERS and self._ends_page(index)]
        # Of the negotiation the last time is known.
        for indexes, moments in ((negotiated[-1:], self._times.get("B", [])), (answered, self._times.get("D", []))):
            if len(indexes) == len(moments):
                for index, seconds in zip(indexes, moments, strict=True):
                    self.steps[index] = replace(self.steps[index], at=float(seconds))
        return self.steps

    def _ends_page(self, index: int) -> bool:
        """Whether it answers the end of a page, which the other side said."""
        answer = self.steps[index]
        asked = next((step for step in reversed(self.steps[:index]) if step.side not in (NEITHER, answer.side)), None)
        return asked is not None and asked.name in _PAGE_ENDS

    def _add(self, step: Step) -> None:
        last = self.steps[-1] if self.steps else None
        if last is not None and replace(last, times=step.times) == step:
            self.steps[-1] = replace(last, times=last.times + step.times)
        elif len(self.steps) < _MOST_STEPS:
            self.steps.append(step)

    def _frame(self, side: str, name: str) -> None:
        self._add(Step(side, name, FRAMES.get(name, "a frame"), trouble=name in WORSE))
        if self._details.get(name):
            self._tell_last(name, ", ".join(self._details[name]))

    def _octets(self, octets: list[str]) -> None:
        """A PPS says with its fourth octet what follows, with the next two which page and which part of it."""
        last = self.steps[-1] if self.steps else None
        if last is None or last.name != "PPS" or len(octets) < 7:
            return
        name = f"PPS-{OF_THE_SECOND_FCF.get(octets[3], '?')}"
        page, part, frames = (int(each, 16) for each in octets[4:7])
        told = f"page {page + 1} of this call, part {part + 1}, {frames + 1} frames"
        self.steps[-1] = replace(last, name=name, meaning=FRAMES.get(name, last.meaning), details=told)

    def _detail(self, name: str, value: str) -> None:
        told = ""
        if name.endswith(("signalling rate", "signalling rates")):
            told = value
        elif name.startswith("Error correction mode"):
            told = "ECM" if value == "ECM" else "no ECM"
        if not told or not self._block or told in self._details.get(self._block, []):
            return
        self._details.setdefault(self._block, []).append(told)
        # What was received is explained after it, what is sent before it.
        last = next((step for step in reversed(self.steps) if step.name), None)
        if last is not None and last.name == self._block and last.side == RECEIVED:
            self._tell_last(self._block, ", ".join(self._details[self._block]))

    def _tell_last(self, name: str, told: str) -> None:
        for index in range(len(self.steps) - 1, max(len(self.steps) - 4, -1), -1):
            if self.steps[index].name == name:
                self.steps[index] = replace(self.steps[index], details=told)
                return

    def _page_data(self, side: str, frames: int) -> None:
        last = self.steps[-1] if self.steps else None
        if last is not None and (last.side, last.name) == (side, "FCD"):
            self.steps[-1] = replace(last, times=last.times + frames)
        else:
            self._add(Step(side, "FCD", FRAMES["FCD"], self._which_page(side), times=frames))

    def _phase(self, phase: str) -> None:
        side = {"C_NON_ECM_TX": SENT, "C_NON_ECM_RX": RECEIVED}.get(phase)
        if side is None:
            return
        last = next((step for step in reversed(self.steps) if step.side), None)
        name = "TCF" if last is not None and last.name == "DCS" else "PAGE"
        self._add(Step(side, name, FRAMES[name], self._which_page(side) if name == "PAGE" else ""))

    def _which_page(self, side: str) -> str:
        return f"page {self._page} of the file" if side == SENT and self._page else ""

    def _trouble(self, text: str) -> None:
        for pattern, words in TROUBLES:
            if pattern.search(text):
                self._add(Step(NEITHER, "", words, text[:120], trouble=True))
                return
