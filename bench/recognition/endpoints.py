"""Where segments end: how long after the speech, how many, and at what cost in words, on recorded prompts.

    python -m bench.recognition.endpoints PROMPTS.jsonl [--sounds DIR]

A line of PROMPTS.jsonl has `id`, the name of a sound file without its suffix, and `text`. All prompts are one session
of one speaker, with a second of silence between; then once more without a pause anywhere, where only the longest
segment ends one. The engine `ASR_ENGINE` names hears it as fast as it takes it.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from dataclasses import replace
from pathlib import Path

from bench.measuring.report import Rows, at_most, finish, percentile
from bench.recognition.offline import Segment, hear, rules_of, started, word_error_rate
from bench.recognition.wer import PAUSE, Prompt, find_sounds, joined, read_prompts, without_pauses
from services.asr.endpointing import EndpointingRules
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE

COLUMNS = ("endpointing", "segments", "longest s", "waited ms p50", "p95", "WER")


def main() -> None:
    """Prints the tables; ends with status 1 when a segment was longer than the longest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--sounds", type=Path, help="folder of the .g722 files; by default Debian's is looked for")
    options = parser.parse_args()
    settings = AsrSettings()
    rules = rules_of(settings)
    prompts = read_prompts(options.prompts, options.sounds or find_sounds())
    spaced = joined(prompts, [part for prompt in prompts for part in (PAUSE, prompt.pcm)] + [PAUSE])
    dense = joined(prompts, [without_pauses(prompt.pcm) for prompt in prompts])
    fixed = replace(rules, least_silence_samples=rules.trailing_silence_samples)
    pauses = Rows("A second between the prompts", COLUMNS)
    no_pauses = Rows("No pause anywhere", COLUMNS)
    run(pauses, "fixed silence", spaced, fixed)
    run(pauses, f"adaptive, least {settings.least_silence_ms} ms", spaced, rules)
    run(no_pauses, "cut at the limit", dense, replace(rules, last_samples=0))
    longest = run(no_pauses, "cut at a weak point", dense, rules)
    bound = settings.max_segment_ms / 1000
    sys.exit(not finish("endpoints", [pauses, no_pauses], {"endpoints.longest_segment": at_most(longest, bound)}))


def run(table: Rows, name: str, speech: Prompt, rules: EndpointingRules) -> float:
    """Adds a row; returns the seconds of the longest segment."""
    segments = asyncio.run(_segments(speech, rules))
    waited = [(segment.ended_samples - segment.speech_end_samples) * 1000 / ASR_RATE for segment in segments]
    longest = max(segment.speech_end_samples - segment.speech_start_samples for segment in segments) / ASR_RATE
    error = word_error_rate([speech], [segments])
    table.add(name, len(segments), longest, percentile(waited, 0.5), percentile(waited, 0.95), error)
    return longest


async def _segments(speech: Prompt, rules: EndpointingRules) -> list[Segment]:
    settings = AsrSettings()
    async with started(settings) as engine:
        return await hear(engine, speech.pcm, rules, settings)


if __name__ == "__main__":
    main()
