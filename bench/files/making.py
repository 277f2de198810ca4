"""Forty files that are in order: recorded speech in the containers that people have, written by ffmpeg."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.recognition.wer import find_sounds

LEAST_BYTES, MOST_BYTES = 36_000, 64_000  # of G.722: four and a half to eight seconds

PICTURES = "-f lavfi -i color=c=red:s=64x64:d=6"
VIDEO = "-c:v mpeg4 -map 1:v -map 0:a"


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file: the ending of its name, and what ffmpeg is told to make it."""

    ending: str
    options: str
    pictures: bool = False


CONTAINERS = (
    Container("wav", "-c:a pcm_s16le -ar 16000"),
    Container("wav", "-c:a pcm_s16le -ar 44100 -ac 2"),
    Container("wav", "-c:a pcm_u8 -ar 8000"),
    Container("wav", "-c:a pcm_s24le -ar 48000"),
    Container("wav", "-c:a pcm_f32le -ar 16000"),
    Container("wav", "-c:a pcm_mulaw -ar 8000"),
    Container("wav", "-c:a adpcm_ima_wav -ar 22050"),
    Container("wav", "-c:a adpcm_ms -ar 22050"),
    Container("w64", "-c:a pcm_s16le -ar 16000"),
    Container("aiff", "-c:a pcm_s16be -ar 44100"),
    Container("au", "-c:a pcm_s16be -ar 16000"),
    Container("caf", "-c:a pcm_s16le -ar 16000"),
    Container("caf", "-c:a alac -ar 44100"),
    Container("flac", "-c:a flac -ar 16000"),
    Container("flac", "-c:a flac -ar 44100 -ac 2"),
    Container("ogg", "-c:a libvorbis -ar 44100"),
    Container("ogg", "-c:a libvorbis -ar 16000 -ac 2"),
    Container("ogg", "-c:a flac -ar 16000"),
    Container("opus", "-c:a libopus -b:a 32k"),
    Container("ogg", "-c:a libspeex -ar 16000"),
    Container("mp3", "-c:a libmp3lame -b:a 64k -ar 44100"),
    Container("mp3", "-c:a libmp3lame -q:a 4 -ar 44100 -ac 2"),
    Container("mp3", "-c:a libmp3lame -b:a 32k -ar 22050 -write_xing 0"),
    Container("m4a", "-c:a aac -ar 44100"),
    Container("m4a", "-c:a aac -ar 16000 -movflags +faststart"),
    Container("m4a", "-c:a alac -ar 44100 -movflags +faststart"),
    Container("mp4", f"{VIDEO} -c:a aac -ar 44100 -movflags +frag_keyframe+empty_moov", pictures=True),
    Container("mov", f"{VIDEO} -c:a pcm_s16le -ar 44100", pictures=True),
    Container("mkv", f"{VIDEO} -c:a aac -ar 44100", pictures=True),
    Container("mka", "-c:a libopus -b:a 32k"),
    Container("webm", "-c:a libvorbis -ar 44100"),
    Container("webm", "-c:a libopus -b:a 24k"),
    Container("ts", f"{VIDEO} -c:v mpeg2video -c:a aac -ar 44100", pictures=True),
    Container("ts", "-c:a mp2 -ar 44100"),
    Container("avi", f"{VIDEO} -c:a libmp3lame -ar 44100", pictures=True),
    Container("flv", "-c:a aac -ar 44100"),
    Container("wma", "-c:a wmav2 -ar 44100"),
    Container("aac", "-c:a aac -ar 44100"),
    Container("ac3", "-c:a ac3 -ar 48000"),
    Container("mp2", "-c:a mp2 -ar 44100"),
)


def made(program: str, folder: Path) -> list[Path]:
    """Writes one file of each kind, with a different recording in each, and gives their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    speech = recordings()
    paths = []
    for number, container in enumerate(CONTAINERS):
        path = folder / f"{number:02}.{container.ending}"
        pictures = PICTURES.split() if container.pictures else []
        source = ["-f", "g722", "-i", str(speech[number % len(speech)])]
        ffmpeg(program, *source, *pictures, *container.options.split(), str(path))
        paths.append(path)
    return paths


def recordings() -> list[Path]:
    """Recorded sentences of a few seconds."""
    return [path for path in sorted(find_sounds().glob("*.g722")) if LEAST_BYTES <= path.stat().st_size <= MOST_BYTES]


def ffmpeg(program: str, *arguments: str) -> None:
    """Runs ffmpeg to its end."""
    subprocess.run([program, *QUIET, *arguments], check=True, stdin=subprocess.DEVNULL)


QUIET: Sequence[str] = ("-hide_banner", "-loglevel", "error", "-nostdin", "-y")
