"""Clients that nobody here wrote, pointed at the edge: each is skipped where its package is not installed."""

from __future__ import annotations

import asyncio
import base64
import importlib
import json
import shutil
from typing import Any

import pytest

from tests.mesh.edge import edge_port
from tests.mesh.mesh import UTTERANCE
from tests.mesh.test_edge_openai import CLOSE, append, at_24khz, update
from tests.mesh.wyoming import FORM, wyoming_port

pytestmark = pytest.mark.edges


async def test_the_official_sdk_of_openai_translates() -> None:
    openai: Any = pytest.importorskip("openai")
    async with edge_port() as port:
        client = openai.AsyncOpenAI(api_key="x", base_url=f"http://127.0.0.1:{port}/v1")
        said, audio, closed = "", 0, False
        connecting = client.realtime.translations.connect(model="babelmesh", extra_query={"source_lang": "en"})
        async with connecting as connection:
            await connection.session.update(session={"audio": {"output": {"language": "es"}}})
            pcm = at_24khz(2, 1)
            for start in range(0, len(pcm), 9600):
                piece = base64.b64encode(pcm[start : start + 9600]).decode()
                await connection.session.input_audio_buffer.append(audio=piece)
            await connection.session.close()
            async for event in connection:
                match event.type:
                    case "session.output_transcript.delta":
                        said += event.delta
                    case "session.output_audio.delta":
                        audio += len(base64.b64decode(event.delta))
                    case "session.closed":
                        closed = True
                        break
        await client.close()
    assert said.split()
    assert audio > 24_000
    assert closed


class Proxied:
    """A client's WebSocket as LiteLLM's proxy has it: what it sends, and what it is sent."""

    def __init__(self, *sent: Any) -> None:
        self.headers: dict[str, str] = {}
        self.scope: dict[str, Any] = {"type": "websocket", "headers": []}
        self.events: list[Any] = []
        self.over = asyncio.Event()
        self._sent = iter(sent)

    async def receive_text(self) -> str:
        for each in self._sent:
            return json.dumps(each)
        await self.over.wait()
        raise ConnectionError

    async def send_text(self, text: str) -> None:
        self.events.append(json.loads(text))
        if self.events[-1]["type"] == "session.closed":
            self.over.set()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.over.set()


@pytest.mark.filterwarnings("ignore")  # of its many dependencies
async def test_litellm_takes_the_edge_for_a_provider_of_translation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    realtime: Any = pytest.importorskip("litellm.realtime_api.main", exc_type=ImportError)
    client = Proxied(update("es"), *append(at_24khz(2, 1)), CLOSE)
    async with edge_port() as port:
        asked = {"model": "babelmesh", "source_lang": "en"}
        serving = asyncio.ensure_future(
            realtime._arealtime(
                model="openai/babelmesh",
                websocket=client,
                api_base=f"http://127.0.0.1:{port}",
                api_key="x",
                realtime_mode="translation",
                query_params=asked,
            )
        )
        async with asyncio.timeout(60):
            await client.over.wait()
        serving.cancel()
        await asyncio.wait([serving])
        await importlib.import_module("litellm.litellm_core_utils.logging_worker").GLOBAL_LOGGING_WORKER.stop()
    said = "".join(each["delta"] for each in client.events if each["type"] == "session.output_transcript.delta")
    assert said.split()
    assert client.events[0]["type"] == "session.created"
    assert client.events[-1]["type"] == "session.closed"


async def test_curl_translates_a_text() -> None:
    if not shutil.which("curl"):
        pytest.skip("curl is not installed")
    body = json.dumps({"source_lang": "en", "target_lang": "es", "text": "good morning", "formality": "casual"})
    async with edge_port() as port:
        head = ["-sS", "-X", "POST", "-H", "Authorization: Bearer x", "-H", "Content-Type: application/json"]
        curl = await asyncio.create_subprocess_exec(
            "curl", *head, "-d", body, f"http://127.0.0.1:{port}/v1/translate", stdout=asyncio.subprocess.PIPE
        )
        out, _ = await curl.communicate()
    assert json.loads(out)["translation"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # it imports what websockets is about to drop
async def test_the_official_sdk_of_deepgram_gets_captions() -> None:
    deepgram: Any = pytest.importorskip("deepgram")
    environments: Any = pytest.importorskip("deepgram.environment")
    async with edge_port() as port:
        http, ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
        where = environments.DeepgramClientEnvironment(base=http, production=ws, agent=ws, agent_rest=http)
        client = deepgram.AsyncDeepgramClient(api_key="x", environment=where)
        connecting = client.listen.v1.connect(model="nova-3", encoding="linear16", sample_rate=16_000, language="en")
        finals = []
        async with connecting as connection:
            await connection.send_media(UTTERANCE)
            await connection.send_close_stream()
            async for message in connection:
                if message.type == "Results" and message.is_final:
                    finals.append(message.channel.alternatives[0].transcript)
                if message.type == "Metadata":
                    break
    assert len(finals) == 1
    assert finals[0].split()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of a module that Python 3.13 drops
async def test_the_client_of_wyoming_has_speech_recognized_and_text_spoken() -> None:
    pytest.importorskip("wyoming")
    asr: Any = importlib.import_module("wyoming.asr")
    audio: Any = importlib.import_module("wyoming.audio")
    clients: Any = importlib.import_module("wyoming.client")
    infos: Any = importlib.import_module("wyoming.info")
    tts: Any = importlib.import_module("wyoming.tts")
    async with wyoming_port() as port, clients.AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(infos.Describe().event())
        info = infos.Info.from_event(await client.read_event())
        await client.write_event(asr.Transcribe(language="en", name=info.asr[0].models[0].name).event())
        await client.write_event(audio.AudioStart(**FORM).event())
        for start in range(0, len(UTTERANCE), 2048):
            piece = UTTERANCE[start : start + 2048]
            await client.write_event(audio.AudioChunk(audio=piece, **FORM).event())
        await client.write_event(audio.AudioStop().event())
        while not asr.Transcript.is_type((event := await client.read_event()).type):
            pass
        voice = next(each for each in info.tts[0].voices if each.languages == ["es"])
        await client.write_event(tts.Synthesize("good", voice=tts.SynthesizeVoice(name=voice.name)).event())
        spoken = 0
        while not audio.AudioStop.is_type((said := await client.read_event()).type):
            spoken += len(said.payload or b"")
    assert asr.Transcript.from_event(event).text.split()
    assert info.asr[0].supports_transcript_streaming
    assert spoken > 10_000
