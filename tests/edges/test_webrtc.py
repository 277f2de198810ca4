"""WebRTC in a real browser: speech in by a fake microphone, captions by the channel, the voice recorded as it plays."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bench.webrtc.chromium import CHROMIUM, Calling, calling, written
from bench.webrtc.hearing import (
    ADDED_WER,
    DUCKED,
    LEAST_UNDER,
    RECORDINGS,
    SOUNDS,
    ducked,
    levels,
    measured,
    speech,
)
from tests.deploy.manifests import ROOT
from tests.mesh.edge import edge
from tests.mesh.mesh import RATE, gateway_address, loud, quiet

pytestmark = [pytest.mark.edges, pytest.mark.timeout(400)]
LOOPBACK = {"ice_addresses": ("127.0.0.1",)}
SESSION = {"source_lang": "en", "target_lang": "es"}
PAIR = """async () => {
  const stats = Array.from((await call.peer.getStats()).values());
  const pair = stats.find((each) => each.type === "candidate-pair" && each.nominated && each.state === "succeeded");
  return stats.find((each) => each.id === pair.localCandidateId).candidateType;
}"""
MANIFEST = ROOT / "deploy" / "k8s" / "components" / "webrtc" / "turn.yaml"


@pytest.fixture(autouse=True)
def needs_chromium() -> None:
    pytest.importorskip("playwright.async_api")
    if CHROMIUM is None:
        pytest.skip("Debian's chromium is not installed")


async def until(made: Calling, kind: str, count: int = 1) -> list[dict[str, Any]]:
    await made.came.until(kind, count, 60)
    return [event for _, event in made.came.of(kind)]


async def test_a_browser_speaks_and_hears_and_goes_on_over_another_way(tmp_path: Path) -> None:
    """The original is played too, turned down while the voice speaks; ICE is restarted behind the first utterance."""
    microphone = written(tmp_path / "spoken.wav", quiet(2) + (loud(2) + quiet(1)) * 5, RATE)
    asked = {"session": SESSION, "original": "ducked"}
    async with (
        gateway_address() as gateway,
        edge(gateway, **LOOPBACK) as servicer,
        calling(servicer.port, asked, microphone) as made,
    ):
        first = await until(made, "final_translation")
        await made.page.evaluate("() => call.restart()")
        spoken = await until(made, "final_asr", 4)
        assert await made.page.evaluate("() => call.peer.connectionState") == "connected"
        heard = await made.played(RATE)
    assert "-es" in first[0]["text"]
    assert [each["segment_id"] for each in spoken] == sorted({each["segment_id"] for each in spoken})
    assert float(np.percentile(levels(heard, 440), 99)) > 3_000
    assert ducked(heard, 440)[0] >= 3


def arguments(port: int, secret: str, folder: Path) -> list[str]:
    """What coturn is started with in a cluster, but for addresses, port and secret."""
    documents = yaml.safe_load_all(MANIFEST.read_text())
    (deployment,) = [each for each in documents if each["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    kept = [each for each in container["args"] if not each.startswith(("--listening-port", "--static-auth-secret"))]
    ours = [f"--listening-port={port}", f"--static-auth-secret={secret}", "--listening-ip=127.0.0.1"]
    ours += ["--relay-ip=127.0.0.1", "--allow-loopback-peers"]
    return [each.replace("=/tmp/", f"={folder}/") for each in (*kept, *ours)]


async def test_a_client_behind_a_turn_server_is_relayed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = "s" * 24
    told = arguments(port, secret, tmp_path)
    try:
        turn = await asyncio.create_subprocess_exec("turnserver", *told, stdout=asyncio.subprocess.DEVNULL)
    except FileNotFoundError:
        pytest.skip("Debian's coturn is not installed")
    settings = {**LOOPBACK, "ice_servers": f"turn:127.0.0.1:{port}?transport=udp", "turn_secret": secret}
    microphone = written(tmp_path / "spoken.wav", quiet(2) + (loud(2) + quiet(2)) * 3, RATE)
    asked = {"session": SESSION, "configuration": {"iceTransportPolicy": "relay"}}
    try:
        async with (
            gateway_address() as gateway,
            edge(gateway, **settings) as servicer,
            calling(servicer.port, asked, microphone) as made,
        ):
            await until(made, "final_translation")
            assert await made.page.evaluate(PAIR) == "relay"
    finally:
        turn.terminate()
        await turn.wait()


async def test_real_speech_is_read_and_the_voice_that_is_played_can_be_recognized() -> None:
    """Spanish speech in; the English voice is recognized as well as over a WebSocket, and ducks the original."""
    if not (SOUNDS / f"{RECORDINGS[0]}.g722").exists():
        pytest.skip("asterisk-core-sounds-es-g722 is not installed")
    found = await measured(speech(SOUNDS), "default")
    assert "número" in " ".join(found.alone.said).lower()
    assert "number" in found.alone.captions.lower()
    assert found.error <= found.straight + ADDED_WER
    tenths, level = ducked(found.over.pcm)
    assert tenths >= LEAST_UNDER
    assert level < DUCKED
