"""Gains that make all of Kokoro's voices equally loud, from each one's measured level."""

from __future__ import annotations

LEVEL = -22.0  # dBFS of a voice while it speaks, as espeak-ng's are
MOST_RAISED = 4.0  # dB: more would clip what is loud in it

# dBFS while speaking: the root mean square of windows of 20 ms within 35 dB of the loudest, in one sentence of its
# language (bench/voice/tts_voices.py).
_MEASURED = """
ef_dora -22.7 em_alex -22.0 em_santa -21.8 pf_dora -23.4 pm_alex -23.0 pm_santa -23.0 af_heart -23.6 af_alloy
-21.7 af_aoede -17.7 af_bella -23.0 af_jessica -21.9 af_kore -18.9 af_nicole -20.2 af_nova -26.4 af_river
-21.1 af_sarah -21.5 af_sky -23.2 am_adam -18.6 am_echo -21.6 am_eric -21.6 am_fenrir -19.9 am_liam -22.1
am_michael -24.9 am_onyx -22.8 am_puck -19.8 am_santa -21.2 bf_emma -20.9 bf_alice -19.8 bf_isabella -17.2
bf_lily -20.5 bm_daniel -21.3 bm_fable -23.0 bm_george -20.7 bm_lewis -23.4 ff_siwis -19.4 if_sara -13.2
im_nicola -18.4
"""
_WORDS = _MEASURED.split()
LEVELS = dict(zip(_WORDS[::2], map(float, _WORDS[1::2]), strict=True))


def gain(voice: str) -> float:
    """Return the gain of a voice's samples; 1.0 for a voice that was not measured."""
    decibels = min(LEVEL - LEVELS.get(voice, LEVEL), MOST_RAISED)
    return float(10 ** (decibels / 20))
