"""The commands on a real mesh: started, spoken to, stopped."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.request
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from babelmesh.local.supervisor import free_ports, unused_ports

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
pytest.importorskip("pocketsphinx")

COMMAND = Path(sys.executable).parent / "babelmesh"
PROMPT = next(iter(sorted(Path("/usr/share/asterisk/sounds").rglob("demo-nogo.g722"))), None)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a mesh started by `babelmesh up`, which must stop cleanly and leave no process."""
    ports = free_ports()
    options = [f"--port={ports.gateway}", f"--asr-port={ports.asr}", f"--mt-port={ports.mt}", f"--tts-port={ports.tts}"]
    (page,) = unused_ports(1)
    options += [f"--operations-port={ports.operations}", f"--edge-port={page}"]
    with subprocess.Popen(
        [COMMAND, "up", "--engines=small", *options],
        cwd=tmp_path_factory.mktemp("mesh"),
        stdout=subprocess.PIPE,
        text=True,
    ) as up:
        assert up.stdout is not None
        first = up.stdout.readline().split()
        assert first[:1] == ["gateway"], "the mesh did not start"
        with urllib.request.urlopen(f"http://127.0.0.1:{page}/healthz") as answer:
            assert answer.status == 200
        services = psutil.Process(up.pid).children(recursive=True)
        yield first[1]
        up.send_signal(signal.SIGINT)
        assert up.wait(30) == 0
    _, left = psutil.wait_procs(services, timeout=60)
    assert not [process for process in left if process.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.skipif(PROMPT is None, reason="asterisk-core-sounds-en-g722 is not installed")
def test_a_recording_through_a_mesh_of_this_machine(mesh: str, tmp_path: Path) -> None:
    assert PROMPT is not None
    done = subprocess.run(
        [COMMAND, "translate", PROMPT, "--to", "es,ca", "--server", mesh],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {line.split()[1] for line in done.stdout.splitlines()} == {"en", "es", "ca"}
    assert "demo-nogo.es.wav" in done.stderr
    for lang in ("es", "ca"):
        assert _is_speech(tmp_path / "out" / f"demo-nogo.{lang}.wav")
        assert "-->" in (tmp_path / "out" / f"demo-nogo.{lang}.vtt").read_text()
    events = json.loads((tmp_path / "out" / "demo-nogo.json").read_text())
    assert (events[0]["event"], events[-1]["event"], events[-1]["target_lang"]) == ("ready", "end", "")


def test_text_and_description_through_a_mesh_of_this_machine(mesh: str, tmp_path: Path) -> None:
    said = subprocess.run(
        [COMMAND, "text", "--to", "es", "--server", mesh, "Good morning."],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert [line.split()[0] for line in said.stdout.splitlines()] == ["es"]
    has = subprocess.run(
        [COMMAND, "describe", "--server", mesh], capture_output=True, text=True, timeout=60, check=True
    )
    assert "en into" in has.stdout


def _is_speech(path: Path) -> bool:
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return 5 < len(samples) / file.getframerate() < 22 and int(np.abs(samples.astype(np.int32)).max()) > 1000
