"""Reads off a session's own counters what it used, for its quota and its bill. Nothing is counted twice for it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.common.audio.pcm import ASR_RATE
from services.common.errors import MeshError
from services.gateway.account.account import Account
from services.gateway.quotas import usage
from services.gateway.quotas.classes import AUDIO, CHARACTERS, VOICE
from services.gateway.quotas.quotas import Ration
from services.gateway.quotas.usage import Record, UsageLog, Used


class Meter:
    """A session's meter. `settle` draws from its ration what was used since the last time."""

    def __init__(self, account: Account, output_rate: int, ration: Ration, quota_class: str) -> None:
        """`quota_class` is the class as metrics have it; `output_rate` that of the voices, in samples per second."""
        self._account = account
        self._output_rate = output_rate
        self._ration = ration
        self.quota_class = quota_class
        self.used = Used()
        self._voice_before = account.ledger.delivery.sent_samples  # in the call before, of a resumed session
        account.measures.counted = self._heard
        ration.settle = self.settle

    def settle(self) -> None:
        """Count what was used until now."""
        self._account.measures.count_audio()
        self._read()

    def _heard(self, samples: int) -> None:
        """Count audio that was accepted: once a second of it."""
        self._spend(Used(audio_ms=1000 * samples // ASR_RATE))

    def _read(self) -> None:
        ledger, used = self._account.ledger, self.used
        voice_samples = ledger.delivery.sent_samples - self._voice_before
        self._spend(
            Used(
                translating_ms=ledger.used.translating_ms - used.translating_ms,
                voice_ms=max(0, 1000 * voice_samples // self._output_rate - used.voice_ms),
                characters=ledger.used.characters - used.characters,
                spoken_characters=ledger.used.spoken_characters - used.spoken_characters,
                tokens=ledger.used.tokens.since(used.tokens),
            )
        )

    def _spend(self, more: Used) -> None:
        self.used.audio_ms += more.audio_ms
        self.used.translating_ms += more.translating_ms
        self.used.voice_ms += more.voice_ms
        self.used.characters += more.characters
        self.used.spoken_characters += more.spoken_characters
        self.used.tokens.join(more.tokens)
        for dimension, amount in ((AUDIO, more.audio_ms), (VOICE, more.voice_ms), (CHARACTERS, more.characters)):
            if amount:
                self._ration.spend(dimension, amount)
        usage.count(self.quota_class, more)


@contextmanager
def billed(meter: Meter, to: UsageLog, tenant: str, session_id: str) -> Iterator[None]:
    """Record what a session used, however the block ends."""
    began, outcome = time.monotonic(), ""
    try:
        yield
    except BaseException as error:
        outcome = error.code if isinstance(error, MeshError) else type(error).__name__
        raise
    finally:
        meter.settle()
        seconds = round(time.monotonic() - began, 3)
        to.add(Record("session", tenant, meter.quota_class, session_id, outcome, seconds, meter.used))
