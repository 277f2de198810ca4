"""A headless Chromium as a client by WebRTC: its microphone hears a recording, and what it plays is recorded.

Needs Debian's chromium, and Playwright, which `make test-edges` installs into `.edges`.
"""

from __future__ import annotations

import base64
import importlib
import io
import json
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import av
import numpy as np

from bench.webrtc.calling import HOST, RATE, Came, Network, Samples
from bench.webrtc.relay import HOST as MEDIA_HOST
from bench.webrtc.relay import port_of, relayed, through, without_candidates

CHROMIUM = shutil.which("chromium")
QUIET = ("background-networking", "component-update", "quic", "sync", "gpu")  # what a browser does by itself
FLAGS = ("--allow-loopback-in-peer-connection", "--autoplay-policy=no-user-gesture-required")
SILENT_SECONDS = 10  # before a recording: it is heard from the start of the microphone on, while other clients start
START = """async ([options, speaks]) => {
  const {Call} = await import("/webrtc.js");
  window.call = new Call(options);
  call.addEventListener("message", ({detail}) => came(JSON.stringify(detail)));
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


@dataclass(frozen=True, slots=True)
class Calling:
    """A page of Chromium that is connected, and what came to it."""

    page: Any
    came: Came

    async def played(self, rate: int) -> Samples:
        """Return what the page has played, as samples of a rate. It is recorded no longer."""
        data = base64.b64decode(await self.page.evaluate(RECORDED))
        with av.open(io.BytesIO(data), "r") as container:
            resampler = av.AudioResampler(format="s16", layout="mono", rate=rate)
            frames = [each for frame in container.decode(audio=0) for each in resampler.resample(frame)]
        return np.concatenate([np.zeros(0, np.int16), *(each.to_ndarray().reshape(-1) for each in frames)])


@asynccontextmanager
async def launched(microphone: Path | None = None, *more: str) -> AsyncIterator[Any]:
    """A browser whose microphone hears a file of samples, with more arguments if need be."""
    playwright: Any = importlib.import_module("playwright.async_api")  # no dependency of ours
    heard = [f"--use-file-for-fake-audio-capture={microphone}%noloop"] if microphone else []
    arguments = ["--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in QUIET), *more]
    arguments += ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", *heard]
    async with playwright.async_playwright() as running:
        chromium = await running.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            yield chromium
        finally:
            await chromium.close()


@asynccontextmanager
async def calling(
    port: int, options: dict[str, Any], microphone: Path | None, network: Network | None = None
) -> AsyncIterator[Calling]:
    """A page of an edge that has a session, over a network of its own where one is given."""
    came = Came()
    async with launched(microphone, *FLAGS) as chromium, AsyncExitStack() as stack:
        page = await chromium.new_page()
        await page.goto(f"http://{HOST}:{port}/")
        await page.expose_function(
            "came", partial(came.take)
        )  # Playwright marks what it is given, which a method bears not
        if network is not None:

            async def reroute(route: Any) -> None:
                await _reroute(route, stack, network)

            await page.route("**/v1/realtime/calls", reroute)
        await page.evaluate(START, [options, microphone is not None])
        await came.until("ready", 1, 60)
        yield Calling(page, came)
        await page.evaluate("() => call.close()")


@asynccontextmanager
async def caller(
    port: int, session: dict[str, Any], pcm: Samples, network: Network | None = None
) -> AsyncIterator[Came]:
    """A client that speaks samples of 48 kHz, as `bench.webrtc.calling` has one of aiortc."""
    with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
        silence = np.zeros(SILENT_SECONDS * RATE, np.int16)
        microphone = written(Path(folder) / "spoken.wav", np.concatenate([silence, pcm]).tobytes(), RATE)
        async with calling(port, {"session": session}, microphone, network) as made:
            yield made.came


def written(path: Path, pcm: bytes, rate: int) -> Path:
    """Write samples into a file, as the microphone takes it, and return its path."""
    with wave.open(str(path), "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(rate)
        writing.writeframes(pcm)
    return path


async def _reroute(route: Any, stack: AsyncExitStack, network: Network) -> None:
    """Send an offer on without a way to its side, and answer with a relay's way to the edge."""
    if route.request.method != "POST":
        await route.continue_()
        return
    asked = json.loads(route.request.post_data)
    asked["sdp"] = without_candidates(asked["sdp"])
    answer = await route.fetch(post_data=json.dumps(asked))
    sdp = await answer.text()
    between = await stack.enter_async_context(relayed((MEDIA_HOST, port_of(sdp)), network.loss, network.jitter_ms))
    await route.fulfill(response=answer, body=through(sdp, between))
