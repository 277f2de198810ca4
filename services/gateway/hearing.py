"""Chunks in order become one unbroken sound: decoded, with what is missing or corrupt between them made up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from services.common.audio.pcm import Pcm
from services.common.errors import InvalidArgument, StageFailed
from services.gateway.decoding import NOTHING, Concealing, Decoder
from services.gateway.filling import MIRRORED_MS, mirrored, stretched
from services.gateway.packets import Packet
from services.gateway.timeline import Piece

MOST_CORRUPT = 50  # packets in a row: a second of the usual ones, and nobody hears anything of it
_RETRY_MS = 200


@dataclass(frozen=True, slots=True)
class Heard:
    """The sound of one piece, that of the filled hole before it included."""

    pcm: Pcm
    corrupt: bool = False


class Hearing:
    """Decodes one session's pieces. Its decoder makes up what is lost, where it can; else neighbours are mirrored."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._conceals = decoder if isinstance(decoder, Concealing) else None
        self._edge_samples = MIRRORED_MS * decoder.rate // 1000
        self._before = NOTHING  # the end of what was heard
        self._corrupt = 0  # in a row
        self._audio = False  # whether any packet was audio

    def hear(self, piece: Piece) -> Heard:
        """A piece's sound, as long as the piece says. Raises StageFailed after many corrupt packets in a row."""
        fill_samples = piece.missing if piece.filled else 0
        concealed = self._conceals.conceal(fill_samples) if self._conceals and fill_samples else NOTHING
        pcm = self._decoded(piece.packet)
        corrupt = pcm is None
        own = self._made_up(piece.packet.samples) if pcm is None else pcm
        own = stretched(_as_long(own, piece.packet.samples)[piece.skip :], piece.stretch)
        if fill_samples and not len(concealed):
            concealed = mirrored(self._before, own[: self._edge_samples], fill_samples)
        whole = np.concatenate((concealed, own)) if len(concealed) else own
        if self._conceals is None:
            self._before = np.concatenate((self._before, whole))[-self._edge_samples :]
        return Heard(whole, corrupt)

    def finish(self) -> None:
        """There is no more. Raises InvalidArgument where something came and nothing of it was audio."""
        if self._corrupt and not self._audio:
            message = "No packet could be decoded."
            raise InvalidArgument("UNDECODABLE_AUDIO", message, "audio.data", ["audio of the announced format"])

    def _decoded(self, packet: Packet) -> Pcm | None:
        """None for a packet that is to be left out. Raises InvalidArgument for bytes that are no audio at all."""
        if not packet.data:
            return np.zeros(packet.samples, dtype=np.int16)
        try:
            pcm = self._decoder.decode(packet.data)
        except InvalidArgument as refusal:
            if self._conceals is None or packet.data.startswith(b"OggS"):
                raise
            self._corrupt += 1
            if self._corrupt >= MOST_CORRUPT:
                self.finish()
                message = f"{MOST_CORRUPT} packets in a row could not be decoded. The session may be resumed."
                fault = StageFailed("CORRUPT_AUDIO", message, "audio.data", refusal.accepted, _RETRY_MS)
                raise fault from refusal
            return None
        self._corrupt, self._audio = 0, True
        return pcm

    def _made_up(self, samples: int) -> Pcm:
        return self._conceals.conceal(samples) if self._conceals else np.zeros(samples, dtype=np.int16)


def _as_long(pcm: Pcm, samples: int) -> Pcm:
    """A packet's sound as long as the packet said that it is."""
    if len(pcm) == samples:
        return pcm
    return np.concatenate((pcm, np.zeros(max(0, samples - len(pcm)), dtype=np.int16)))[:samples]
