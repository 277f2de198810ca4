"""How a latency budget is spent along the chain. Pure.

The budget is what a listener is to wait at most, as a rule, for the translation of a word: the silence that ends a
segment, the words held back until translations agree, the wait for a batch, and what the voice may lag. Each takes a
share, within what it is good for. `docs/protocol.md` tells what a budget buys, measured by `bench.sessions.quality`.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.gateway.values.terms import Objectives

BUDGETS_MS = range(500, 10_001)
FAST, BALANCED, AGGRESSIVE = 1, 2, 3  # as the contract numbers them
FAST_BELOW_MS = 1500
BALANCED_BELOW_MS = 3000
SILENCE_SHARE = 0.25
LEAST_SILENCE_MS = 200  # less ends segments within words
BATCH_SHARE = 0.02
INTERIM_SHARE = 0.5  # an interim translation that takes longer is out of date
LEAST_INTERIM_MS = 250
ASR_SHARE, MT_SHARE, TTS_SHARE = 0.3, 0.1, 0.3  # until a final, a translation, the first speech: a tier keeps to it
VOICE_SHARE = 4  # times the budget: further behind, a voice leaves clauses out
LEAST_VOICE_LAG_MS = 4000
MOST_EASE_MS = 2000  # how far behind a voice takes its time without a budget


@dataclass(frozen=True, slots=True)
class Shares:
    """What each step may take, in milliseconds but for the first."""

    stabilization: int  # how long text is held back, as the contract numbers it
    trailing_silence_ms: int
    interim_timeout_ms: int  # of a call to translate what is not final
    batch_wait_ms: int  # how long a call may wait for others, to be computed with them
    max_lag_ms: int  # of the voice
    ease_ms: int  # how far behind a voice may be before it speaks faster
    objectives: Objectives  # of the stages


def spent(budget_ms: int, trailing_silence_ms: int) -> Shares:
    """The shares of a budget; the silence is never longer than without one."""
    held = FAST if budget_ms < FAST_BELOW_MS else BALANCED if budget_ms < BALANCED_BELOW_MS else AGGRESSIVE
    return Shares(
        stabilization=held,
        trailing_silence_ms=min(trailing_silence_ms, max(LEAST_SILENCE_MS, round(SILENCE_SHARE * budget_ms))),
        interim_timeout_ms=max(LEAST_INTERIM_MS, round(INTERIM_SHARE * budget_ms)),
        batch_wait_ms=round(BATCH_SHARE * budget_ms),
        ease_ms=min(MOST_EASE_MS, budget_ms),
        objectives=Objectives(*(round(share * budget_ms) for share in (ASR_SHARE, MT_SHARE, TTS_SHARE))),
        max_lag_ms=max(LEAST_VOICE_LAG_MS, VOICE_SHARE * budget_ms),
    )
