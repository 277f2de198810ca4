"""The page with real speech and real engines: what is heard of its voice, while the server is killed and comes back."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import re
import urllib.request
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jiwer
import pytest

from babelmesh.cli import server_part
from babelmesh.local import supervisor
from babelmesh.local.edge import Front, edge_service
from babelmesh.local.ports import unused
from babelmesh.models.choices import Engines
from tests.contract.recordings import recording
from tests.edges.browser import browser, shown
from tests.edges.pages import lines, ready, recorded, type_in, until_status
from tests.mesh.edge import connect, control, hello, say, typed
from tests.mesh.edge import heard as until_end
from tests.mesh.mesh import quiet

pytestmark = [pytest.mark.edges, pytest.mark.timeout(900)]

START_SECONDS = 400.0  # for all models, on a machine that is busy
HEARD_WER = 0.1  # of the voice as the page plays it, above that of the voice as the server sends it
ENGLISH_WER = 0.2  # of the English voice, recognized back
MORNING = ("Buenos días. Hoy quiero hablar de los libros que están en la mesa de la casa.", "house")
SHOWN_WER = 0.1  # of captions over two connections, beside one that nobody has cut
# What the page plays, recorded where it leaves for the loudspeakers.
TAP = """
  const connect = AudioNode.prototype.connect;
  AudioNode.prototype.connect = function (to, ...rest) {
    if (to instanceof AudioDestinationNode && this instanceof AnalyserNode) {
      window.tap ??= new MediaStreamAudioDestinationNode(this.context);
      connect.call(this, window.tap);
      if (!window.recorder) {
        window.pieces = [];
        window.recorder = new MediaRecorder(window.tap.stream);
        window.recorder.ondataavailable = ({data}) => window.pieces.push(data);
        window.recorder.start();
      }
    }
    return connect.call(this, to, ...rest);
  };
"""
STOP = """async () => {
  await new Promise((resolve) => { window.recorder.onstop = resolve; window.recorder.stop(); });
  const bytes = new Uint8Array(await new Blob(window.pieces).arrayBuffer());
  return btoa(bytes.reduce((text, each) => text + String.fromCharCode(each), ""));
}"""


@asynccontextmanager
async def real_mesh(logs: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[int, list[supervisor.Running]]]:
    """The port of an edge before the default engines, and its process; each process is restarted when it ends."""
    monkeypatch.setattr(supervisor, "START_SECONDS", START_SECONDS)
    services = supervisor.mesh_services(supervisor.free_ports(), server_part.variables(Engines.DEFAULT, None))
    (port,) = unused(supervisor.HOST, 1)
    edge = edge_service(Front(port), services[-1].address)
    async with supervisor.supervised(services, logs), supervisor.supervised([edge], logs) as started:
        yield port, started


def words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower()))


async def transcribed(port: int, clip: bytes, lang: str) -> str:
    """What the recognizer makes of a clip."""

    def ask() -> str:
        url = f"http://127.0.0.1:{port}/v1/transcribe?source_lang={lang}"
        with urllib.request.urlopen(urllib.request.Request(url, clip), timeout=200) as answer:
            return str(json.loads(answer.read())["text"])

    return words(await asyncio.to_thread(ask))


async def straight(port: int, text: str) -> float:
    """The word error rate of a voice as the server sends it, recognized back: espeak-ng's is hard for Whisper."""
    async with connect(port) as socket:
        await say(socket, hello("es", input=None), typed(text), control("end"))
        got = await until_end(socket)
    (rate,) = {each["sample_rate"] for each in got.of("tts_audio")}
    clip = io.BytesIO()
    with wave.open(clip, "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(rate)
        writing.writeframes(got.speech("es"))
    return jiwer.wer(words(" ".join(got.finals("es"))), await transcribed(port, clip.getvalue(), "es"))


async def sounded(page: Any) -> bytes:
    """What the page has played since it was asked last, once nothing plays any more."""
    await asyncio.sleep(10)
    sound = base64.b64decode(await page.evaluate(STOP))
    await page.evaluate("() => { window.pieces = []; window.recorder.start(); }")
    return sound


async def dictated(page: Any, edge: supervisor.Running, seconds: float) -> tuple[str, str, bytes]:
    """What is shown as said and as translated, and heard, of speech for some seconds with a server killed within."""
    await page.select_option("#target", "es")
    await page.click("#speak")
    await page.wait_for_selector("#spoken-log p", state="attached", timeout=120_000)
    edge.child.kill()
    await until_status(page, "Connection lost")
    await until_status(page, "Listening.")
    await asyncio.sleep(seconds)
    await page.click("#speak")
    await until_status(page, "Ended.", 200)
    shown_texts = [words(" ".join(await lines(page, column))) for column in ("source", "target")]
    return shown_texts[0], shown_texts[1], await sounded(page)


async def typed_in(page: Any, text: str) -> tuple[str, bytes]:
    """What is shown as translated, and heard, of a typed text in the other direction."""
    before = len(await lines(page, "target"))
    await page.click("#swap")
    await type_in(page, text)
    await page.wait_for_selector(f"#spoken-log p[lang=en]:has-text('{MORNING[-1]}')", state="attached", timeout=60_000)
    return words(" ".join((await lines(page, "target"))[before:])), await sounded(page)


async def test_what_is_said_is_shown_and_heard_and_a_killed_server_loses_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = recording("demo-congrats").tobytes()
    microphone = recorded(tmp_path / "spoken.wav", quiet(3) + speech + quiet(2))
    async with real_mesh(tmp_path / "logs", monkeypatch) as (port, edge), browser(microphone) as chromium:
        async with shown(chromium, f"http://127.0.0.1:{port}/", script=TAP) as page:
            await ready(page)
            said, translated, sound = await dictated(page, edge[0], len(speech) / 32_000)
            english, english_sound = await typed_in(page, MORNING[0])
        undisturbed = await transcribed(port, microphone.read_bytes(), "en")
        least = await straight(port, undisturbed)
        heard = await transcribed(port, sound, "es")
        english_heard = await transcribed(port, english_sound, "en")
    shown_wer, heard_wer = jiwer.wer(undisturbed, said), jiwer.wer(translated, heard)
    english_wer = jiwer.wer(english, english_heard)
    figures = f"shown {shown_wer:.3f}, heard {heard_wer:.3f}, straight {least:.3f}, in English {english_wer:.3f}"
    assert len(translated.split()) > 30
    assert shown_wer <= SHOWN_WER, figures
    assert heard_wer <= least + HEARD_WER, figures
    assert english_wer <= ENGLISH_WER, figures
