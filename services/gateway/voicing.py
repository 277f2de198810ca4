"""Which voice speaks a target, and why. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.gateway.catalog import Voice


@dataclass(frozen=True, slots=True)
class Choice:
    """What a client is told of its voice."""

    engine: str = ""
    real_time_factor: float = 0.0  # 0: not measured
    reason: str = ""


def choice(voices: Sequence[Voice], voice: Voice, asked: bool, pace: float) -> Choice:
    """Why a voice speaks, of those of its language, the default first."""
    return Choice(voice.engine, voice.real_time_factor, _reason(voices, voice, asked, pace))


def _reason(voices: Sequence[Voice], voice: Voice, asked: bool, pace: float) -> str:
    if asked:
        return f"asked for{_speed(voice)}"
    if voice.default_langs:
        return f"set as the default{_speed(voice)}"
    if voice.keeps_pace:
        return f"keeps pace{_speed(voice)}"
    better = next((each for each in voices if each.slow), None)
    if better is None:
        return ""
    most = f"{pace:g} is the most for a default"
    if voice.slow:
        return f"no other voice speaks the language{_speed(voice)}"
    return f"{better.name} would take {_times(better.real_time_factor)} here; {most}"


def _speed(voice: Voice) -> str:
    return f", takes {_times(voice.real_time_factor)} here" if voice.real_time_factor else ""


def _times(factor: float) -> str:
    return f"{factor:.2f} \u00d7 real time"
