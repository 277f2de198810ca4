"""How a voice keeps up with a speaker who never pauses: the policy alone, on the audio clock, without a mesh.

    python -m bench.voice.pacing

Translations take `times` as long to say as their source. Lags are of the clause about to be spoken, in seconds; the
slope is that of the second half of the talk. Goals are for translations that take a quarter longer.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import cycle, islice

import numpy as np

from bench.measuring.report import Goal, Rows, at_most, finish
from services.common.audio.pcm import ASR_RATE
from services.gateway.values.speech import Moment
from services.gateway.voice.pacing import FULL_SAMPLES, Pacing, Playout

MINUTES = 3
MAX_LAG = 20 * ASR_RATE  # the gateway's default
LENGTHS = [ASR_RATE * tenths // 10 for tenths in (12, 31, 43, 25, 18, 38)]  # of the source of a clause
COMPUTE = ASR_RATE // 2  # from the end of its source until it can be spoken


@dataclass(frozen=True, slots=True)
class Said:
    """A clause, and how far behind the speaker it came."""

    at: int  # the end of its source, in samples
    lag: int  # in samples
    rate: float  # 0: it was left out


def simulate(clauses: list[tuple[int, float]], pacing: Pacing | None) -> list[Said]:
    """Speaks clauses, each given by the length of its source and how many times that it takes to say."""
    playout, end, said = Playout(), 0, []
    for source, times in clauses:
        end += source
        moment = Moment(end + COMPUTE, end + COMPUTE)
        lag = moment.since(end) + playout.left(moment.heard_at(end))
        pace = pacing.next(lag) if pacing else None
        rate = (pace.speaking_rate if pace else 0.0) if pacing else 1.0
        if rate:
            playout.sent(round(source * times / rate), moment.heard_at(end))
        said.append(Said(end, lag, rate))
    return said


def without_pause(minutes: float, times: float) -> list[tuple[int, float]]:
    """The clauses of a speaker who never pauses."""
    count = round(minutes * 60 * ASR_RATE / (sum(LENGTHS) / len(LENGTHS)))
    return [(length, times) for length in islice(cycle(LENGTHS), count)]


def slope(said: list[Said]) -> float:
    """Seconds of lag gained a minute, in the second half."""
    late = said[len(said) // 2 :]
    return float(np.polyfit([each.at / ASR_RATE / 60 for each in late], [each.lag / ASR_RATE for each in late], 1)[0])


def main() -> None:
    """Prints the table; exit code 1 when a goal was missed."""
    table = Rows(
        f"A speaker who does not pause for {MINUTES} minutes",
        ["times", "pacing", "lag max", "lag end", "slope s/min", "rate max", "left out"],
    )
    goals: dict[str, Goal] = {}
    for times in (0.9, 1.0, 1.1, 1.25, 1.35, 1.5, 2.0):
        for pacing in (None, Pacing(1.0, MAX_LAG)):
            said = simulate(without_pause(MINUTES, times), pacing)
            lags = [each.lag / ASR_RATE for each in said]
            left_out = sum(not each.rate for each in said) / len(said)
            rate = max(each.rate for each in said)
            table.add(f"{times:g}", "on" if pacing else "off", max(lags), lags[-1], slope(said), rate, left_out)
            if pacing and times == 1.25:
                goals["voice.lag_max"] = at_most(max(lags), FULL_SAMPLES / ASR_RATE + 2)
                goals["voice.slope"] = at_most(abs(slope(said)), 0.5)
                goals["voice.left_out"] = at_most(left_out, 0)
    sys.exit(0 if finish("pacing", [table], goals) else 1)


if __name__ == "__main__":
    main()
