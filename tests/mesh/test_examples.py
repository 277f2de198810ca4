"""The Python programs of examples/ run as they are; those in other languages are run by tests/examples."""

from __future__ import annotations

import asyncio
import os
import sys
import wave
from pathlib import Path

from tests.mesh.mesh import UTTERANCE, gateway_address
from tests.recording import write_wave

PROGRAMS = Path(__file__).resolve().parents[2] / "examples" / "python"

# In the place of the library that opens microphones: one that hears a recording, and then Ctrl-C.
MICROPHONE = """
import os, signal, threading

class PortAudioError(Exception):
    pass

class RawInputStream:
    def __init__(self, callback, blocksize, **rest):
        self.callback, self.size, self.thread = callback, 2 * blocksize, threading.Thread(target=self.record)

    def __enter__(self):
        self.thread.start()

    def record(self):
        pcm = open(os.environ["RECORDED"], "rb").read()
        for at in range(0, len(pcm), self.size):
            self.callback(pcm[at : at + self.size], self.size // 2, None, None)
        os.kill(os.getpid(), signal.SIGINT)

    def __exit__(self, *error):
        self.thread.join()
"""


async def _run(program: str, *options: str, **variables: str) -> tuple[int | None, str, str]:
    """Status, output and errors of a program of examples/python."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        PROGRAMS / program,
        *options,
        env={**os.environ, **variables},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return child.returncode, out.decode(), err.decode()


async def test_the_file_example_prints_captions_and_writes_speech(tmp_path: Path) -> None:
    write_wave(tmp_path / "talk.wav", UTTERANCE)
    async with gateway_address() as address:
        status, out, err = await _run(
            "file.py",
            *("--to", "es,pt", "--server", address, "--out", str(tmp_path), "--speed", "0"),
            str(tmp_path / "talk.wav"),
        )
    assert (status, err) == (0, "")
    assert {line.split("\t")[0] for line in out.splitlines()} == {"es", "pt"}
    for lang in ("es", "pt"):
        with wave.open(str(tmp_path / f"{lang}.wav")) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
            assert file.getnframes() > 0


async def test_the_file_example_says_why_it_was_refused(tmp_path: Path) -> None:
    write_wave(tmp_path / "talk.wav", UTTERANCE)
    async with gateway_address() as address:
        status, out, err = await _run("file.py", "--to", "xx", "--server", address, str(tmp_path / "talk.wav"))
    assert (status, out) == (1, "")
    assert err.startswith("hello.targets[0].lang: ")
    assert "Traceback" not in err


async def test_the_microphone_example_shows_what_was_said_before_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text(MICROPHONE)
    (tmp_path / "recorded").write_bytes(UTTERANCE)
    path = os.pathsep.join(filter(None, (str(tmp_path), os.environ.get("PYTHONPATH"))))
    async with gateway_address() as address:
        status, out, err = await _run(
            "microphone.py", "--to", "es", "--server", address, PYTHONPATH=path, RECORDED=str(tmp_path / "recorded")
        )
    assert (status, err) == (0, "Speak; Ctrl-C ends it.\n")
    final = out.removesuffix("\n").rsplit("\r\033[K", 1)[1]
    assert final.startswith("es(") or final, out
    assert out.endswith("\n")
