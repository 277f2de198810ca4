"""Long FLAC streams through the gateway's framing and decoder: is every sample heard that FFmpeg decodes?

    python -m bench.audio.flac_streams [--minutes 15] [--only "16000 Hz"] [--ffmpeg PROGRAM] [--seed 1]

Thirty valid streams: recorded prompts with noise, 16 to 48 kHz, blocks of 192 to 4608 samples or of sizes that change,
one or two channels of 16 or 24 bits, with lengths unknown, large metadata or a tag before them. Each is cut into chunks
of any size. What comes out is compared, bit by bit, with what the program ffmpeg makes of the same file; without it,
with what PyAV's demuxer and decoder make of it. The recordings are those of Debian's asterisk-core-sounds-en-g722.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import av

from bench.audio.flac_making import FORMS, Form, write
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.recognition.wer import find_sounds
from services.common.errors import MeshError
from services.gateway.incoming.decoding import decoder

MOST_CHUNK_BYTES = 12_000
MAX_SAMPLES = 48 * 5_000  # of a chunk, as the gateway's settings have it


def main() -> None:
    """Prints the table; ends with status 1 when a stream ended early or differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15.0, help="of each stream")
    parser.add_argument("--only", default="", help="streams whose names hold this")
    parser.add_argument("--ffmpeg", default=shutil.which("ffmpeg"), help="the program that ours is compared with")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    sounds = sorted(find_sounds().glob("*.g722"))
    rows = Rows("FLAC streams", ("stream", "MB", "samples", "same", "chunks", "us a chunk", "ended by"))
    ended = different = 0
    for number, form in enumerate(FORMS):
        if options.only not in form.name:
            continue
        with TemporaryDirectory() as folder:
            path = Path(folder) / "stream.flac"
            write(path, form, sounds, options.minutes, Random(options.seed * 1000 + number))
            heard = hear(path, form, Random(number))
            expected = fingerprint(of_program(path, options.ffmpeg) if options.ffmpeg else of_pyav(path))
            size_mb = path.stat().st_size / 1e6
        same = heard.fingerprint == expected
        ended += bool(heard.ended_by)
        different += not same
        us = 1e6 * heard.seconds / max(1, heard.chunks)
        rows.add(form.name, size_mb, heard.samples, "yes" if same else "NO", heard.chunks, us, heard.ended_by or "-")
        print(f"{form.name}: {'exact' if same else 'NOT EXACT'} {heard.ended_by}", file=sys.stderr, flush=True)
    goals: dict[str, Goal] = {"flac.ended": at_most(ended, 0), "flac.not_exact": at_most(different, 0)}
    sys.exit(not finish("flac_streams", [rows], goals))


@dataclass(frozen=True, slots=True)
class Heard:
    """What the gateway's decoder made of a stream."""

    fingerprint: str  # of the samples
    samples: int
    chunks: int
    seconds: float  # that it took
    ended_by: str  # the fault that ended it; empty for none


def hear(path: Path, form: Form, random: Random) -> Heard:
    """Decodes a file in chunks as a client may send them."""
    decoding, digest, samples, chunks, ended_by = decoder("flac", form.rate, MAX_SAMPLES), sha256(), 0, 0, ""
    started = time.perf_counter()
    with path.open("rb") as file:
        try:
            while chunk := file.read(random.randint(1, MOST_CHUNK_BYTES)):
                pcm = decoding.decode(chunk)
                digest.update(pcm.tobytes())
                samples += len(pcm)
                chunks += 1
            pcm = decoding.flush()
            digest.update(pcm.tobytes())
            samples += len(pcm)
        except MeshError as error:
            ended_by = f"{error.code} after {samples / form.rate:.1f} s"
    return Heard(digest.hexdigest(), samples, chunks, time.perf_counter() - started, ended_by)


def fingerprint(pieces: Iterator[bytes]) -> str:
    """Of all the pieces together."""
    digest = sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def of_program(path: Path, program: str) -> Iterator[bytes]:
    """A file as ffmpeg decodes it: mono, 16 bits."""
    command = [program, "-loglevel", "error", "-i", str(path), "-map", "0:a", "-f", "s16le", "-ac", "1", "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as running:
        assert running.stdout is not None
        while piece := running.stdout.read(1 << 20):
            yield piece
    if running.returncode:
        raise SystemExit(f"{program} ended with status {running.returncode}.")


def of_pyav(path: Path) -> Iterator[bytes]:
    """A file as FFmpeg's libraries decode it, found by their own parser: mono, 16 bits."""
    mono = av.AudioResampler(format="s16", layout="mono")
    with av.open(str(path), "r") as file:
        for frame in file.decode(audio=0):
            yield from (piece.to_ndarray().tobytes() for piece in mono.resample(frame))


if __name__ == "__main__":
    main()
