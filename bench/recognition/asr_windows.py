"""What windows that are recognized again and again cost: batched across sessions, one by one, and by sherpa-onnx.

    python -m bench.recognition.asr_windows PROMPTS.jsonl --model BUNDLE [--sounds DIR] [--sessions 8] [--rounds 3]
                                           [--memory]
        [--arms batched,sherpa-onnx]

Every session hears all the prompts, each session beginning with another one, through VAD and endpointing, as fast as it
is answered, with a hypothesis for each 500 ms of speech. The arms take turns. CPU is of the whole process and of a
second of a session's audio, speech or not; with --memory each arm runs once more in a process of its own, whose peak is
told. The same weights are behind all arms, but sherpa-onnx computes each hypothesis anew and one after the other.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias
from unittest.mock import patch

import numpy as np
import sherpa_onnx

from bench.measuring.report import Rows, at_most, finish, percentile
from bench.recognition.offline import Segment, hear, rules_of, started, word_error_rate
from bench.recognition.wer import PAUSE, Prompt, find_sounds, read_prompts
from services.asr.cadence import Cadence
from services.asr.engine import Endpoint, Heard, Hypothesis, Speech, Word
from services.asr.engines.moonshine import tokenizer
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE

HYPOTHESIS_MS = 500
ARMS = ("batched", "one by one", "sherpa-onnx")

Found: TypeAlias = dict[str, list[tuple[float, list[list[Segment]]]]]  # the turns of each arm


class Sherpa:
    """sherpa-onnx's recognizer on the same weights, as an engine."""

    languages = ("en",)

    def __init__(self, bundle: Path, tokens: Path) -> None:
        pieces = tokenizer.read(bundle / "tokenizer.bin").pieces
        tokens.write_text("".join(f"{b64encode(piece).decode()}\t{number}\n" for number, piece in enumerate(pieces)))
        self._recognizer: Any = sherpa_onnx.OfflineRecognizer.from_moonshine_v2(
            encoder=str(bundle / "encoder_model.ort"),
            decoder=str(bundle / "decoder_model_merged.ort"),
            tokens=str(tokens),
            num_threads=1,
        )

    async def recognize(self, heard: AsyncIterator[Heard], language: str) -> AsyncGenerator[Hypothesis, None]:
        """See Engine."""
        cadence, pcm = Cadence(HYPOTHESIS_MS * ASR_RATE // 1000), [np.zeros(0, np.int16)]
        async for item in heard:
            if isinstance(item, Speech):
                pcm.append(item.pcm)
            final = isinstance(item, Endpoint)
            if final or (isinstance(item, Speech) and cadence.due(item)):
                text = await asyncio.to_thread(self._text, np.concatenate(pcm))
                yield Hypothesis(tuple(Word(word, 0, 0) for word in text.split()), final)
            if final:
                pcm = pcm[:1]
                cadence.restart()

    def _text(self, pcm: Any) -> str:
        stream = self._recognizer.create_stream()
        stream.accept_waveform(ASR_RATE, pcm.astype(np.float32) / 32768)
        self._recognizer.decode_stream(stream)
        return str(stream.result.text)


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    options = _options()
    prompts = read_prompts(options.prompts, options.sounds or find_sounds())
    if options.arm:
        asyncio.run(turn(options.arm, options.model, prompts, options.sessions))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)  # for the process that asked
        return
    arms = options.arms.split(",")
    found: Found = {arm: [] for arm in arms}
    for number in range(options.rounds):
        for arm in [*arms[number % len(arms) :], *arms[: number % len(arms)]]:
            found[arm].append(asyncio.run(turn(arm, options.model, prompts, options.sessions)))
            print(f"{arm}: {found[arm][-1][0]:.3f}", file=sys.stderr, flush=True)
    table = compared(found, options, prompts)
    goal = {"asr_windows.cpu": at_most(median(each[0] for each in found["batched"]), 0.12)}
    sys.exit(not finish("asr_windows", [table], goal))


def compared(found: Found, options: argparse.Namespace, prompts: Sequence[Prompt]) -> Rows:
    """One row an arm, medians over the rounds."""
    columns = (
        "arm",
        "CPU s a second of audio",
        "batched over it",
        "hypotheses",
        "WER of finals",
        "final s p50",
        "p95",
        "peak MiB",
    )
    table = Rows(f"{options.sessions} sessions, a hypothesis for {HYPOTHESIS_MS} ms of speech", columns)
    for arm in found:
        cpu = median(each[0] for each in found[arm])
        ratio = median(one[0] / other[0] for one, other in zip(found["batched"], found[arm], strict=True))
        heard = found[arm][0][1]
        took = [segment.final_seconds for each in heard for segment in each]
        count = sum(len(segment.guesses) + 1 for each in heard for segment in each)
        error = word_error_rate([*prompts] * options.sessions, heard)
        table.add(
            arm,
            cpu,
            ratio,
            count,
            error,
            percentile(took, 0.5),
            percentile(took, 0.95),
            memory(arm) if options.memory else None,
        )
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--model", type=Path, required=True, help="folder of a Moonshine bundle")
    parser.add_argument("--sounds", type=Path, help="folder of the .g722 files; by default Debian's is looked for")
    parser.add_argument("--sessions", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--arms", default=",".join(ARMS), help="with commas between, the batched one among them")
    parser.add_argument("--memory", action="store_true", help="run each arm once more, for the peak of its memory")
    parser.add_argument("--arm", choices=ARMS, help="run this arm once and print the peak of the memory")
    return parser.parse_args()


def memory(arm: str) -> int:
    """The peak of a process of its own, MiB."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.recognition.asr_windows", *sys.argv[1:], "--arm", arm],
        stdout=subprocess.PIPE,
        check=True,
    )
    return int(done.stdout.split()[-1])


async def turn(arm: str, bundle: Path, prompts: Sequence[Prompt], sessions: int) -> tuple[float, list[list[Segment]]]:
    """CPU seconds a second of audio, and the segments of each prompt of each session."""
    settings = AsrSettings(
        engine="moonshine",
        moonshine={
            "bundles": [bundle],
            "device": "cpu",
            "hypothesis_ms": HYPOTHESIS_MS,
            "max_batch": sessions if arm == "batched" else 1,
        },
    )
    # Sessions that are fed as fast as they are answered always wait, and would be given fewer hypotheses for that.
    with patch.object(Cadence, "answered"):
        return await _turn(arm, bundle, prompts, sessions, settings)


async def _turn(
    arm: str, bundle: Path, prompts: Sequence[Prompt], sessions: int, settings: AsrSettings
) -> tuple[float, list[list[Segment]]]:
    async with _engine(arm, bundle, settings) as engine:
        before = time.process_time()
        heard = await asyncio.gather(*(_session(engine, prompts, number, settings) for number in range(sessions)))
        cpu = time.process_time() - before
    seconds = sum(len(prompt.pcm) + 2 * len(PAUSE) for prompt in prompts) * sessions / ASR_RATE
    return cpu / seconds, [segments for each in heard for segments in each]


@asynccontextmanager
async def _engine(arm: str, bundle: Path, settings: AsrSettings) -> AsyncIterator[Any]:
    if arm == "sherpa-onnx":
        with tempfile.TemporaryDirectory() as folder:
            yield Sherpa(bundle, Path(folder) / "tokens.txt")
    else:
        async with started(settings) as engine:
            yield engine


async def _session(engine: Any, prompts: Sequence[Prompt], first: int, settings: AsrSettings) -> list[list[Segment]]:
    """The segments of each prompt, in the order of the prompts whichever was the first."""
    found: dict[int, list[Segment]] = {}
    for number in range(len(prompts)):
        place = (first * 5 + number) % len(prompts)
        pcm = np.concatenate((PAUSE, prompts[place].pcm, PAUSE))
        found[place] = await hear(engine, pcm, rules_of(settings), settings)
    return [found[place] for place in range(len(prompts))]


if __name__ == "__main__":
    main()
