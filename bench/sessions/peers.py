"""Live recognition beside a peer: WhisperLiveKit with Whisper tiny.en, and our mesh with the same weights and its own.

    python -m bench.sessions.peers CORPUS.jsonl [--peer PYTHON] [--streams 1,4] [--seconds 45] [--rounds 1]

PYTHON is that of an environment with `pip install torch==2.13.0 whisperlivekit==0.2.26 faster-whisper av psutil`; the
weights are the bundle whisper-tiny-en. Without it our default is measured alone, and no goal. A stream is recordings of
the corpus with a second of silence after each, at real pace; the arms take turns, with the same streams. Ours
translates into Spanish captions as well, which the peer does not. First word: from the onset of speech to the first
word shown. Lag: StreamLAAL, computation-aware, of the words from when they did not change any more. Processor time is
that of all processes, until all answers are there.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, median

import jiwer
import numpy as np

import babelmesh
from babelmesh.models.folder import Models, default_folder
from bench.measuring.corpus import FRAME_SAMPLES, LOUD_SHARE, PAUSE_SECONDS, Recording, read_corpus
from bench.measuring.emissions import transcribed_words
from bench.measuring.metrics import Sentence, stream_laal
from bench.measuring.processes import SERVICES, LocalMesh, Usage, local_mesh, metered
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.measuring.take import Take, captions, take
from bench.recognition.wer import normalized
from bench.sessions import engines
from bench.sessions.peer_server import NAME, whisperlivekit
from services.common.audio.pcm import ASR_RATE, Pcm

WEIGHTS = "whisper-tiny-en"
SAME, OWN = "ours, same weights", "ours, default"
SHOWN = ("es",)


@dataclass(frozen=True, slots=True)
class Talk:
    """What one stream says."""

    pcm: Pcm
    sentences: tuple[Sentence, ...]  # the transcript, recording by recording

    @property
    def text(self) -> str:
        """All that is said."""
        return " ".join(each.reference for each in self.sentences)

    @property
    def onset_seconds(self) -> float:
        """When speech begins."""
        frames = self.pcm[: len(self.pcm) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
        level = np.sqrt(np.mean(frames.astype(np.float64) ** 2, axis=1))
        return float(np.argmax(level > LOUD_SHARE * level.max())) * FRAME_SAMPLES / ASR_RATE


@dataclass(frozen=True, slots=True)
class Arm:
    """A server under measurement."""

    mesh: LocalMesh
    takes: Callable[[Sequence[Pcm]], Awaitable[list[Take]]]


@dataclass(frozen=True, slots=True)
class Round:
    """Some streams at once on one arm."""

    arm: str
    talks: Sequence[Talk]
    takes: Sequence[Take]
    usage: Usage

    @property
    def cpu(self) -> float:
        """Processor seconds for a second of a stream."""
        return sum(map(self.cpu_of, self.usage.cpu_seconds))

    def cpu_of(self, process: str) -> float:
        """Processor seconds of one process for a second of a stream."""
        return self.usage.cpu_seconds.get(process, 0.0) / sum(each.source_seconds for each in self.takes)

    def first_words(self) -> list[float]:
        """Seconds from onset to the first word shown, of each stream that got one."""
        pairs = zip(self.talks, self.takes, strict=True)
        found = [(talk, next((at for at, _, _ in _texts(each)), None)) for talk, each in pairs]
        return [at - talk.onset_seconds for talk, at in found if at is not None]

    def lags(self) -> list[float]:
        """The lag of each stream that got a word."""
        pairs = zip(self.talks, self.takes, strict=True)
        found = [stream_laal(transcribed_words(each), talk.sentences) for talk, each in pairs]
        return [each.aware for each in found if each is not None]

    def errors(self) -> tuple[float, float]:
        """Word error rate, and the share of words that are not there at all."""
        said = [normalized(talk.text) for talk in self.talks]
        compared = jiwer.process_words(said, [normalized(each.transcript) for each in self.takes])
        words = sum(len(text.split()) for text in said)
        return float(compared.wer), compared.deletions / words


def _texts(each: Take) -> list[tuple[float, str, bool]]:
    results = [(at, event) for at, event in each.events if isinstance(event, babelmesh.AsrResult)]
    return [(at, event.text, event.final) for at, event in results if event.text.strip()]


def talks(recordings: Sequence[Recording], count: int, seconds: float) -> list[Talk]:
    """So many talks of at least that length, each beginning with another recording where there are enough."""
    return [_talk([*recordings[first:], *recordings[:first]], seconds) for first in _starts(len(recordings), count)]


def _starts(length: int, count: int) -> list[int]:
    return [number * length // count for number in range(count)]


def _talk(recordings: Sequence[Recording], seconds: float) -> Talk:
    pause, parts, sentences, start = np.zeros(round(PAUSE_SECONDS * ASR_RATE), np.int16), [], [], 0.0
    for each in recordings:
        if start >= seconds:
            break
        parts += [each.pcm, pause]
        sentences.append(Sentence(each.text, start, each.seconds))
        start += each.seconds + PAUSE_SECONDS
    return Talk(np.concatenate(parts), tuple(sentences))


async def measured(options: argparse.Namespace, recordings: Sequence[Recording], weights: Path | None) -> list[Round]:
    """All rounds; the arm that begins is another one in each."""
    rounds = []
    async with AsyncExitStack() as open_for:
        arms = await _arms(open_for, options.peer, weights)
        warm = talks([min(recordings, key=lambda each: each.seconds)], 1, 1.0)
        for arm in arms.values():
            await arm.takes([each.pcm for each in warm])
        for count in [int(each) for each in options.streams.split(",")]:
            spoken = talks(recordings, count, options.seconds)
            for number in range(options.rounds):
                names = [*arms][number % len(arms) :] + [*arms][: number % len(arms)]
                for name in names:
                    async with metered(arms[name].mesh) as usage:
                        takes = await arms[name].takes([each.pcm for each in spoken])
                    rounds.append(Round(name, spoken, takes, usage))
                    print(f"{count} at once: {name} {rounds[-1].cpu:.3f}", file=sys.stderr, flush=True)
    return rounds


async def _arms(open_for: AsyncExitStack, python: str | None, weights: Path | None) -> Mapping[str, Arm]:
    own = engines.flat("default")
    if python is None or weights is None:
        return {OWN: await _ours(open_for, own)}
    peer = await open_for.enter_async_context(whisperlivekit(python, weights))
    ctranslate2 = {"ASR_ENGINE": "ctranslate2", "ASR_CTRANSLATE2__BUNDLES": json.dumps([str(weights)])}
    return {
        NAME: Arm(peer.mesh, peer.takes),
        SAME: await _ours(open_for, {**own, **ctranslate2}),
        OWN: await _ours(open_for, own),
    }


async def _ours(open_for: AsyncExitStack, variables: Mapping[str, str]) -> Arm:
    mesh = await open_for.enter_async_context(local_mesh(variables))
    client = await open_for.enter_async_context(babelmesh.connect(mesh.address))

    async def takes(spoken: Sequence[Pcm]) -> list[Take]:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(take(client, pcm, captions(SHOWN))) for pcm in spoken]
        return [task.result() for task in tasks]

    return Arm(mesh, takes)


def table(rounds: Sequence[Round]) -> Rows:
    """One row for each arm and number of streams; medians over the rounds, peaks of memory."""
    columns = ("arm", "streams", "first word s", "lag s", "WER", "words lost", "CPU s per stream s", "PSS MiB")
    rows = Rows("Live recognition", columns)
    for count in sorted({len(each.takes) for each in rounds}):
        for name in dict.fromkeys(each.arm for each in rounds):
            own = [each for each in rounds if (each.arm, len(each.takes)) == (name, count)]
            rows.add(name, count, *_figures(own), round(max(sum(each.usage.peak_pss_mib.values()) for each in own)))
    return rows


def _figures(own: Sequence[Round]) -> tuple[float | None, ...]:
    """First word, lag, WER, words lost and processor time."""
    first, lags = [at for each in own for at in each.first_words()], [lag for each in own for lag in each.lags()]
    return (
        median(first) if first else None,
        fmean(lags) if lags else None,
        fmean(each.errors()[0] for each in own),
        fmean(each.errors()[1] for each in own),
        median(each.cpu for each in own),
    )


def by_service(rounds: Sequence[Round]) -> Rows:
    """One row for each of our arms and number of streams: processor seconds of each service a second of a stream."""
    rows = Rows("CPU s per stream s, of each service", ("arm", "streams", *SERVICES))
    for count in sorted({len(each.takes) for each in rounds}):
        for name in dict.fromkeys(each.arm for each in rounds if each.arm != NAME):
            own = [each for each in rounds if (each.arm, len(each.takes)) == (name, count)]
            rows.add(name, count, *(median(each.cpu_of(service) for each in own) for service in SERVICES))
    return rows


def goals(rows: Rows) -> dict[str, Goal]:
    """What one stream of ours may take of what the peer's takes, and what several may lose; none without a peer."""
    found = {(str(row[0]), int(row[1] or 0)): [float(cell or 0) for cell in row[2:]] for row in rows.rows}
    reached: dict[str, Goal] = {}
    for (name, count), (first, lag, wer, lost, cpu, _) in found.items():
        if (NAME, count) not in found:
            continue
        their_first, their_lag, their_wer, their_lost, their_cpu, _ = found[NAME, count]
        if name == SAME and count == 1:
            reached["peers.first_word"] = at_most(first / their_first, 0.7)
            reached["peers.lag"] = at_most(lag / their_lag, 0.7)
            reached["peers.wer"] = at_most(wer, their_wer)
        if name == OWN:
            reached[f"peers.cpu_{count}"] = at_most(cpu / their_cpu, 0.2)
            reached[f"peers.lost_{count}"] = at_most(lost, their_lost)
    return reached


def main() -> None:
    """Print the table; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--peer", metavar="PYTHON", help="of the environment of WhisperLiveKit")
    parser.add_argument("--streams", default="1,4", help="numbers of streams at once, with commas between")
    parser.add_argument("--seconds", type=float, default=45.0, help="least length of a stream")
    parser.add_argument("--rounds", type=int, default=1, help="of all arms, for each number of streams")
    options = parser.parse_args()
    installed, _ = Models(default_folder()).installed()
    weights = next((each.bundle.folder for each in installed if each.manifest.name == WEIGHTS), None)
    if options.peer and weights is None:
        sys.exit(f"The bundle {WEIGHTS} is not installed: `babelmesh models fetch {WEIGHTS}`.")
    rounds = asyncio.run(measured(options, read_corpus(options.corpus, None, SHOWN), weights))
    rows = table(rounds)
    sys.exit(not finish("peers", [rows, by_service(rounds)], goals(rows)))


if __name__ == "__main__":
    main()
