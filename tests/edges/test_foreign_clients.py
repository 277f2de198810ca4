"""Clients that nobody here wrote, pointed at the edge: each is skipped where its package is not installed."""

from __future__ import annotations

import asyncio
import base64
import json
import shutil
from typing import Any

import pytest

from tests.mesh.edge import edge_port
from tests.mesh.mesh import UTTERANCE
from tests.mesh.test_edge_openai import at_24khz

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
