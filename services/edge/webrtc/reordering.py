"""Puts a track's packets in order, in the place of aiortc's own jitter buffer. Imports aiortc.

aiortc gives out one frame for each packet that comes, and waits for a lost one until its buffer of 16 is full, so that
it stays full: from then on speech is 280 ms late, and what comes out of turn pushes good packets out
(findings/aiortc-jitter-delay.sh). Here a lost packet is waited for until a few later ones are there; those are kept.
"""

from __future__ import annotations

from aiortc import RTCRtpReceiver
from aiortc.jitterbuffer import JitterBuffer, JitterFrame
from aiortc.rtp import RtpPacket

from services.common.errors import Defect

WAIT_PACKETS = 5  # behind a lost one before it is given up: 100 ms, as browsers send 20 ms in each
_MOST_PACKETS = 64  # that wait at once
_RESTART = 1000  # a number that far away begins a new count
_CONTENT = "_data"  # where aiortc's receiver keeps what a packet holds
_NAME = "_RTCRtpReceiver__jitter_buffer"  # aiortc has no public way to another buffer


class Reordering(JitterBuffer):
    """Gives out packets in the order of their numbers, one for each that comes. Pure."""

    def __init__(self) -> None:
        super().__init__(capacity=_MOST_PACKETS)
        self._next: int | None = None  # the number that is given out next, beyond 16 bits
        self._waiting: dict[int, RtpPacket] = {}

    def add(self, packet: RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Take in a packet, and return the frame that is due, if one is; the first value is always false."""
        number = self._number(packet.sequence_number)
        if self._next is None or abs(number - self._next) > _RESTART:
            self._waiting.clear()
            self._next = number
        if number >= self._next and _content(packet):
            self._waiting[number] = packet
        return False, self._due()

    def _number(self, sequence_number: int) -> int:
        """Return the number beyond 16 bits that is nearest to the next one."""
        if self._next is None:
            return sequence_number
        return self._next + (sequence_number - self._next + (1 << 15)) % (1 << 16) - (1 << 15)

    def _due(self) -> JitterFrame | None:
        if not self._waiting or self._next is None:
            return None
        first = min(self._waiting)
        if first > self._next and max(self._waiting) - self._next < WAIT_PACKETS:
            return None
        packet = self._waiting.pop(first)
        self._next = first + 1
        return JitterFrame(_content(packet), packet.timestamp)


def _content(packet: RtpPacket) -> bytes:
    content: bytes = getattr(packet, _CONTENT, b"")
    return content


def put_in_order(receiver: RTCRtpReceiver) -> None:
    """Have a receiver put its packets in order this way. Raises Defect where this aiortc has no such buffer."""
    if not isinstance(getattr(receiver, _NAME, None), JitterBuffer):
        raise Defect("JITTER_BUFFER_MOVED", "This aiortc keeps its jitter buffer elsewhere.")
    setattr(receiver, _NAME, Reordering())
