"""Kokoro by windows against Kokoro by whole clauses, through the mesh: first audio, gaps, and how good it sounds.

    python -m bench.voice.voice_windows [--langs es,pt] [--sentences 12] [--judge PYTHON]

Two meshes, of which one makes clauses whole, take turns with the same sentences (`sentences`; those with a mark
inside are left out, for they would be several clauses). Each is typed as one word, which a scripted translator turns
into it. First audio is from the text's way out to the first piece of speech; gaps are what a listener waits behind it.
The bundle whisper-base hears what was said. PYTHON is that of an environment with `pip install speechmos librosa`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

import jiwer
import numpy as np
import soxr

import babelmesh
from babelmesh.models.folder import Models, default_folder
from bench.measuring.metrics import Sound, playback
from bench.measuring.processes import local_mesh
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.recognition.asr_languages import normalized
from bench.voice.sentences import SENTENCES
from bench.voice.voices_heard import ARMS, KOKORO, WHISPER, Spoken, heard, listening
from services.common.audio.pcm import ASR_RATE, from_bytes

WHOLE, WINDOWS = "whole", "windows"
JUDGE = Path(__file__).with_name("judge_speech.py")
MARKS = ",?:;\u00bf"
WARM = 2  # sentences first, so that the pace is known


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence as a client got it."""

    spoken: Spoken
    sounds: Sequence[Sound]

    @property
    def first_seconds(self) -> float:
        """From the text to the first audio."""
        return self.sounds[0].at


Heard = Mapping[str, Mapping[str, Sequence[Said]]]  # by arm and language


async def say(client: babelmesh.Mesh, word: str, lang: str, voice: str) -> Said:
    """One sentence, in a session of its own."""
    loop, sounds, made, rate = asyncio.get_running_loop(), list[Sound](), b"", 1
    async with client.session("en", [babelmesh.Target(lang=lang, voice=voice)]) as session:
        began = loop.time()
        await session.send_text(word, final=True)
        await session.end()
        async for event in session:
            if isinstance(event, babelmesh.TtsChunk):
                rate, made = event.sample_rate, made + event.data
                sounds.append(Sound(loop.time() - began, len(event.data) / 2 / rate))
    return Said(Spoken(from_bytes(made), rate, sounds[0].at, 0.0), sounds)


async def measured(texts: Mapping[str, Sequence[str]], kokoro: Path) -> Heard:
    """All sentences on both arms, the one that begins being the other each time."""
    words = {f"{lang}{number}": text for lang, each in texts.items() for number, text in enumerate(each)}
    told = {
        "ASR_ENGINE": "scripted",
        "MT_ENGINE": "scripted",
        "MT_SCRIPTED__WORDS": json.dumps(words),
        "TTS_ENGINE": "kokoro",
        "TTS_KOKORO__BUNDLES": json.dumps([str(kokoro)]),
    }
    found: dict[str, dict[str, list[Said]]] = {arm: {lang: [] for lang in texts} for arm in (WHOLE, WINDOWS)}
    async with AsyncExitStack() as open_for:
        clients = {}
        for arm, more in ((WHOLE, {"TTS_KOKORO__WINDOW_MS": "0"}), (WINDOWS, {})):
            mesh = await open_for.enter_async_context(local_mesh(told | more))
            clients[arm] = await open_for.enter_async_context(babelmesh.connect(mesh.address))
        for lang, voice in ARMS["kokoro"]:
            for number in range(-WARM, len(texts.get(lang, ()))) if texts.get(lang) else ():
                for arm in (WHOLE, WINDOWS) if number % 2 else (WINDOWS, WHOLE):
                    said = await say(clients[arm], f"{lang}{max(0, number)}", lang, voice)
                    if number >= 0:
                        found[arm][lang].append(said)
    return found


def table(found: Heard, texts: Mapping[str, Sequence[str]], whisper: Path, judge: str) -> Rows:
    """A row for each arm: medians of first audio, gaps of a clause, WER, and P.808 where there is a judge."""
    columns = ("arm", "clauses", "seconds", "first audio s", "gaps s a clause", "WER", "P.808")
    rows = Rows("Kokoro through the mesh", columns)
    model, words = listening(whisper)
    scores = judged(found, judge) if judge else {}
    for arm, by_lang in found.items():
        every = [said for own in by_lang.values() for said in own]
        told = [
            normalized(text)
            for lang, own in by_lang.items()
            for text in heard(model, words, lang, [said.spoken for said in own])
        ]
        wer = float(jiwer.wer([normalized(text) for each in texts.values() for text in each], told))
        gaps = fmean(playback(said.sounds).gap_seconds for said in every)
        seconds, first = (
            median(each) for each in zip(*((s.spoken.seconds, s.first_seconds) for s in every), strict=True)
        )
        rows.add(arm, len(every), seconds, first, gaps, wer, scores.get(arm))
    return rows


def judged(found: Heard, python: str) -> dict[str, float]:
    """The mean P.808 score of each arm."""
    with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
        paths = {arm: Path(folder) / f"{arm}.npz" for arm in found}
        for arm, by_lang in found.items():
            clips = [soxr.resample(s.spoken.pcm, s.spoken.rate, ASR_RATE) for own in by_lang.values() for s in own]
            floats = [np.clip(each.astype(np.float32) / 32_768, -1, 1) for each in clips]
            np.savez(paths[arm], *floats)
        command = [python, str(JUDGE), *map(str, paths.values())]
        scores = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, env={}).stdout)
    return dict(zip(paths, scores, strict=True))


def goals(found: Heard, rows: Rows) -> dict[str, Goal]:
    """How early windows are heard, clause by clause, and what that may cost."""
    pairs = [
        (one, other)
        for lang in found[WHOLE]
        for one, other in zip(found[WINDOWS][lang], found[WHOLE][lang], strict=True)
    ]
    whole, windows = ([cell if isinstance(cell, float) else None for cell in row] for row in rows.rows)
    reached = {"V1.first_audio": at_most(median(a.first_seconds / b.first_seconds for a, b in pairs), 0.25)}
    for name, column, sign, bound in (("V1.wer", 5, 1, 0.01), ("V1.p808", 6, -1, 0.1)):
        one, other = windows[column], whole[column]
        if one is not None and other is not None:
            reached[name] = at_most(sign * (one - other), bound)
    return reached


def main() -> None:
    """Print the table; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--langs", default="es,pt", help="languages, with commas between")
    parser.add_argument("--sentences", type=int, default=12, help="most, of each language")
    parser.add_argument("--judge", default="", metavar="PYTHON", help="of an environment with speechmos")
    options = parser.parse_args()
    installed, _ = Models(default_folder()).installed()
    paths = {each.manifest.name: each.bundle.folder for each in installed}
    if missing := [name for name in (KOKORO, WHISPER) if name not in paths]:
        sys.exit(f"Skipped: not installed: `babelmesh models fetch {' '.join(missing)}`.")
    texts = {lang: plain(SENTENCES[lang])[: options.sentences] for lang in options.langs.split(",")}
    found = asyncio.run(measured(texts, paths[KOKORO]))
    rows = table(found, texts, paths[WHISPER], options.judge)
    sys.exit(not finish("voice_windows", [rows], goals(found, rows)))


def plain(texts: Sequence[str]) -> list[str]:
    """The sentences that are one clause."""
    return [text for text in texts if not any(mark in text for mark in MARKS)]


if __name__ == "__main__":
    main()
