"""WebRTC in a real browser: speech in by a fake microphone, captions by the channel, the voice recorded as it plays."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import socket
import urllib.request
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import pytest
import soxr

from bench.edge.typing import edges
from bench.measuring.processes import local_mesh
from bench.sessions import engines
from tests.contract.recordings import recording
from tests.edges.browser import browser, shown
from tests.mesh.edge import edge
from tests.mesh.mesh import RATE, gateway_address, loud, quiet

pytestmark = [pytest.mark.edges, pytest.mark.timeout(240)]
FLAGS = ("--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required")
LOOPBACK = {"ice_addresses": ("127.0.0.1",)}
SESSION = {"source_lang": "en", "target_lang": "es"}
START = """async ([options, speaks]) => {
  const {Call} = await import("/webrtc.js");
  window.events = [];
  window.call = new Call(options);
  call.addEventListener("message", ({detail}) => events.push(detail));
  call.addEventListener("track", ({detail}) => {
    const stream = new MediaStream([detail]);
    window.player = new Audio();
    player.srcObject = stream;
    player.play();
    window.pieces = [];
    window.recorder = new MediaRecorder(stream);
    recorder.ondataavailable = ({data}) => pieces.push(data);
    recorder.start(200);
  });
  const audio = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
  const track = speaks ? (await navigator.mediaDevices.getUserMedia({audio})).getAudioTracks()[0] : null;
  await call.connect(track);
}"""
RECORDED = """async () => {
  const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
  recorder.stop();
  await stopped;
  const bytes = new Uint8Array(await new Blob(pieces).arrayBuffer());
  return btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""));
}"""
PAIR = """async () => {
  const stats = Array.from((await call.peer.getStats()).values());
  const pair = stats.find((each) => each.type === "candidate-pair" && each.nominated && each.state === "succeeded");
  return stats.find((each) => each.id === pair.localCandidateId).candidateType;
}"""


def written(path: Path, pcm: bytes) -> Path:
    with wave.open(str(path), "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(RATE)
        writing.writeframes(pcm)
    return path


async def until(page: Any, kind: str, count: int = 1, seconds: int = 60) -> list[dict[str, Any]]:
    found = "([kind, count]) => events.filter((each) => each.type === kind).length >= count"
    await page.wait_for_function(found, arg=[kind, count], timeout=1000 * seconds)
    got: list[dict[str, Any]] = await page.evaluate("(kind) => events.filter((each) => each.type === kind)", kind)
    return got


async def played(page: Any) -> npt.NDArray[np.int16]:
    """What the page has played, at 16 kHz."""
    data = base64.b64decode(await page.evaluate(RECORDED))
    with av.open(io.BytesIO(data), "r") as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        parts = [
            each.to_ndarray().reshape(-1) for frame in container.decode(audio=0) for each in resampler.resample(frame)
        ]
    return np.concatenate(parts)


@asynccontextmanager
async def talking(port: int, microphone: Path | None, **options: Any) -> AsyncIterator[Any]:
    """A page that has a session by WebRTC."""
    async with browser(microphone, *FLAGS) as chromium, shown(chromium, f"http://127.0.0.1:{port}/") as page:
        await page.evaluate(START, [{"session": SESSION, **options}, microphone is not None])
        await until(page, "ready")
        yield page
        await page.evaluate("() => call.close()")


def tone(pcm: npt.NDArray[np.int16], hertz: float) -> npt.NDArray[np.float64]:
    """How much of a tone there is in each tenth of a second."""
    size = RATE // 10
    windows = pcm[: len(pcm) // size * size].reshape(-1, size).astype(float)
    wave_ = np.exp(-2j * np.pi * hertz * np.arange(size) / RATE)
    return np.asarray(np.abs(windows @ wave_) * 2 / size)


async def test_a_browser_speaks_and_hears_and_goes_on_over_another_way(tmp_path: Path) -> None:
    """The original is played too, turned down while the voice speaks; ICE is restarted behind the first utterance."""
    microphone = written(tmp_path / "spoken.wav", quiet(2) + (loud(2) + quiet(1)) * 5)
    async with (
        gateway_address() as gateway,
        edge(gateway, **LOOPBACK) as servicer,
        talking(servicer.port, microphone, original="ducked") as page,
    ):
        first = await until(page, "final_translation")
        await page.evaluate("() => call.restart()")
        spoken = await until(page, "final_asr", 4)
        assert await page.evaluate("() => call.peer.connectionState") == "connected"
        heard = await played(page)
    assert "-es" in first[0]["text"]
    assert [each["segment_id"] for each in spoken] == sorted({each["segment_id"] for each in spoken})
    original = tone(heard, 440)
    full = float(np.percentile(original, 99))
    assert full > 3_000
    ducked = original[(original > 0.05 * full) & (original < 0.3 * full)]
    assert len(ducked) >= 3


async def test_a_client_behind_a_turn_server_is_relayed(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    secret = "s" * 24
    told = ["-n", "-p", str(port), "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", "--realm=here", "--no-tls"]
    told += ["--no-dtls", "--use-auth-secret", f"--static-auth-secret={secret}", "--allow-loopback-peers"]
    told += ["--cli-password=unused", "--cli-port=0", "--no-cli", f"--pidfile={tmp_path}/pid", "--log-file=stdout"]
    try:
        turn = await asyncio.create_subprocess_exec("turnserver", *told, stdout=asyncio.subprocess.DEVNULL)
    except FileNotFoundError:
        pytest.skip("Debian's coturn is not installed")
    settings = {**LOOPBACK, "ice_servers": f"turn:127.0.0.1:{port}?transport=udp", "turn_secret": secret}
    microphone = written(tmp_path / "spoken.wav", quiet(2) + (loud(2) + quiet(2)) * 3)
    try:
        async with gateway_address() as gateway, edge(gateway, **settings) as servicer:
            relayed = {"configuration": {"iceTransportPolicy": "relay"}}
            async with talking(servicer.port, microphone, **relayed) as page:
                await until(page, "final_translation")
                assert await page.evaluate(PAIR) == "relay"
    finally:
        turn.terminate()
        await turn.wait()


def recognized(port: int, pcm: npt.NDArray[np.int16]) -> str:
    into = io.BytesIO()
    with wave.open(into, "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(RATE)
        writing.writeframes(pcm.tobytes())
    address = f"http://127.0.0.1:{port}/v1/transcribe?source_lang=en"
    with urllib.request.urlopen(urllib.request.Request(address, into.getvalue())) as answer:
        return str(json.loads(answer.read())["text"]).lower()


async def test_real_speech_is_read_and_the_voice_that_is_played_can_be_recognized(tmp_path: Path) -> None:
    speech = np.asarray(soxr.resample(recording("ss-noservice"), RATE, RATE), dtype=np.int16)
    microphone = written(tmp_path / "spoken.wav", quiet(2) + speech.tobytes() + quiet(20))
    async with (
        local_mesh(engines.flat("default")) as mesh,
        edges(mesh.address, EDGE_ICE_ADDRESSES="127.0.0.1") as found,
    ):
        port = found[0][0]
        async with talking(port, microphone) as page:
            said = " ".join(each["text"].lower() for each in await until(page, "final_asr"))
            captions = " ".join(each["text"].lower() for each in await until(page, "final_translation"))
        async with talking(port, None, session={"source_lang": "es", "target_lang": "en"}) as page:
            await page.evaluate("() => call.send({type: 'input_text', text: 'El número no está en servicio.'})")
            await until(page, "tts_audio")
            await asyncio.sleep(6)
            heard = await asyncio.to_thread(recognized, port, await played(page))
    assert "number" in said
    assert "número" in captions
    assert "number" in heard
