"""A call's line between two parties: its own clock, what is due on it, and 20 ms after 20 ms of T.38 or G.711.

Time on a line passes only while nobody has to think: a party whose script is running holds the clock (`hold`), as
otherwise a script would lose minutes of virtual time between two statements. With real time the clock is never held.
"""

import ctypes
import heapq
import itertools
import random
import threading
from collections import deque
from collections.abc import Callable
from typing import Protocol

from bench.fax_terminal import SAMPLES, TICK_MS, FaxTerminal

MOST_REDUNDANCY = 3  # previous IFP packets for which a datagram of 400 bytes has room
LATE_ANSWER_MS = 2000  # how long an accepted image offer waits for rxfax or txfax (switch_core_media.c)

Frame = ctypes.Array[ctypes.c_ubyte]


class Party(Protocol):
    """One side of a line. All of this is called with the line's lock held."""

    def terminal(self) -> FaxTerminal | None:
        """The fax machine that is connected now."""

    def speak(self, frame: Frame) -> bool:
        """Fill 160 mu-law samples if there is a voice and no fax machine; False for silence."""

    def asks_for_t38(self) -> bool:
        """Called every 20 ms in audio: whether to send the re-INVITE with the image offer now."""

    def answer_t38_offer(self) -> str:
        """`accept`, `refuse` (488), `wait` (not decided yet) or `ignore` (accepted by the core, never answered)."""

    def t38_answered(self, *, accepted: bool) -> None:
        """The answer to our own offer."""

    def t38_started(self) -> None:
        """The line carries T.38 from now on."""

    def heard(self) -> None:
        """A packet (T.38) or a frame (audio) has arrived from the other side."""

    def other_rings(self) -> None:
        """The other side sent 180."""

    def heard_digit(self, digit: str, *, in_band: bool) -> None:
        """A DTMF digit has come from the other side: a telephone-event (RFC 4733), or a tone in the audio."""

    def takes_telephone_events(self) -> bool:
        """Whether its SDP has telephone-event."""

    def other_answered(self) -> None:
        """The other side sent 200 OK."""

    def other_hung_up(self, cause: str, sip_status: int | None) -> None:
        """The other side ended the call: a BYE, or (before answer) a refusal with `sip_status`, or a CANCEL."""


class Line:
    """Two parties, a clock in milliseconds since the INVITE, and a schedule. `lock` guards everything on it."""

    def __init__(
        self, wake: Callable[[], None], *, loss_percent: float = 0.0, refuses_t38: bool = False, seed: int = 1
    ) -> None:
        self._wake = wake
        self.lock = threading.Condition(threading.RLock())
        self.now_ms = 0
        self.connected = False
        self.ended = False
        self.is_t38 = False
        self.refuses_t38 = refuses_t38
        self.paths = (PacketPath(loss_percent, 2 * seed), PacketPath(loss_percent, 2 * seed + 1))
        self._parties: list[Party] = []
        self._held = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._offer: tuple[int, int] | None = None
        self._frames = ((ctypes.c_ubyte * SAMPLES)(), (ctypes.c_ubyte * SAMPLES)())
        self._silence: Frame = (ctypes.c_ubyte * SAMPLES)(*[0xFF] * SAMPLES)

    def join(self, caller: Party, callee: Party) -> None:
        """Both parties, once, before the line is given to the pump."""
        self._parties = [caller, callee]

    def other(self, party: Party) -> Party:
        """The party at the other end."""
        caller, callee = self._parties
        return callee if party is caller else caller

    def schedule(self, delay_ms: int, action: Callable[[], None]) -> None:
        """Run `action` on this line's clock, in the thread that drives it, with the lock held."""
        with self.lock:
            heapq.heappush(self._due, (self.now_ms + delay_ms, next(self._count), action))
        self._wake()

    def hold(self) -> None:
        """A party thinks: a held clock stands until it is released as often as it was held."""
        with self.lock:
            self._held += 1

    def release(self) -> None:
        """The other half of `hold`."""
        with self.lock:
            self._held -= 1
        self._wake()

    def end(self) -> None:
        """The call is over: nothing happens on the line any more."""
        with self.lock:
            self.ended = True
            self._due.clear()
            self.lock.notify_all()

    def advance(self, ticks: int, *, held_clock: bool) -> bool:
        """Let up to `ticks` x 20 ms pass; with `held_clock` stop where a party thinks. False if nothing could move."""
        with self.lock:
            for done in range(ticks):
                if self.ended or (held_clock and self._held > 0):
                    return done > 0
                if held_clock and not self._has_media():
                    if not self._due:
                        return done > 0
                    self.now_ms = max(self.now_ms, self._due[0][0] - TICK_MS)
                self._tick()
            return True

    def _has_media(self) -> bool:
        caller, callee = self._parties
        return self.connected and (caller.terminal() is not None or callee.terminal() is not None)

    def _tick(self) -> None:
        self.now_ms += TICK_MS
        while self._due and self._due[0][0] <= self.now_ms:
            heapq.heappop(self._due)[2]()
        if not self.connected or self.ended:
            return
        if self.is_t38:
            self._tick_t38()
        else:
            self._tick_audio()
            if not self.ended:
                self._negotiate()

    def _tick_t38(self) -> None:
        caller, callee = self._parties
        for side, here, there in ((0, caller, callee), (1, callee, caller)):
            terminal = here.terminal()
            if terminal is None or not terminal.is_t38:
                continue
            terminal.tick_t38()
            if terminal.outbox:
                packets, terminal.outbox = terminal.outbox, []
                self._deliver(self.paths[side], packets, terminal.options.redundancy, there)

    def _deliver(self, path: "PacketPath", packets: list[tuple[bytes, int]], redundancy: int, there: Party) -> None:
        for packet, copies in packets:
            for sequence, fresh in path.carry(packet, copies, redundancy):
                receiver = there.terminal()
                if receiver is not None and receiver.is_t38:
                    receiver.receive_packet(fresh, sequence)
            there.heard()

    def _tick_audio(self) -> None:
        said: list[Frame] = []
        for party, frame in zip(self._parties, self._frames, strict=True):
            terminal = party.terminal()
            if terminal is not None:
                terminal.send_audio(frame)
                said.append(frame)
            else:
                said.append(frame if party.speak(frame) else self._silence)
        for side, party in enumerate(self._parties):
            terminal = party.terminal()
            if terminal is not None:
                terminal.receive_audio(said[1 - side])
            party.heard()

    def _negotiate(self) -> None:
        """RFC 3264 in small: an offer of image media from one side, and the other's answer (ITU-T T.38, D.2)."""
        if self._offer is None:
            for side, party in enumerate(self._parties):
                if party.asks_for_t38():
                    self._offer = (side, self.now_ms)
                    break
            else:
                return
        side, since = self._offer
        asking, asked = self._parties[side], self._parties[1 - side]
        answer = "refuse" if self.refuses_t38 else asked.answer_t38_offer()
        if answer == "wait" and self.now_ms - since < LATE_ANSWER_MS:
            return
        if answer == "ignore":
            self._offer = (side, self.now_ms)
            return
        self._offer = None
        accepted = answer == "accept"
        asking.t38_answered(accepted=accepted)
        if accepted and not self.ended:
            self.is_t38 = True
            for party in self._parties:
                terminal = party.terminal()
                if terminal is not None:
                    terminal.switch_to_t38()
                party.t38_started()


class PacketPath:
    """UDPTL in one direction (ITU-T T.38, 9.1): a lost datagram is made good by the copies in the next ones.

    Each datagram is lost by itself, so many percent of them; the same seed loses the same ones.
    """

    def __init__(self, loss_percent: float, seed: int) -> None:
        self._loss = loss_percent / 100
        self._random = random.Random(seed)
        self._recent: deque[tuple[int, bytes]] = deque(maxlen=MOST_REDUNDANCY + 1)
        self._next = 0
        self._arrived = -1

    def carry(self, packet: bytes, copies: int, redundancy: int) -> list[tuple[int, bytes]]:
        """The packets, each with its sequence number, that are new to the receiver when this datagram arrives, or fails
        to. It is sent `copies` times, and repeats so many packets before it.
        """
        sequence = self._next
        self._next += 1
        if not self._loss:
            return [(sequence, packet)]
        self._recent.append((sequence, packet))
        if all(self._random.random() < self._loss for _ in range(max(copies, 1))):
            return []
        fresh = [item for item in self._recent if item[0] > self._arrived and item[0] >= sequence - redundancy]
        self._arrived = sequence
        return fresh
