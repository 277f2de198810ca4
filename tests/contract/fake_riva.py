"""A Riva server on NVIDIA's own contracts, scripted like our scripted engines, with the traps of theirs as switches."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from xml.etree import ElementTree

import grpc
import numpy as np
from riva.client.proto import riva_asr_pb2 as asr
from riva.client.proto import riva_asr_pb2_grpc as asr_grpc
from riva.client.proto import riva_nmt_pb2 as nmt
from riva.client.proto import riva_nmt_pb2_grpc as nmt_grpc
from riva.client.proto import riva_tts_pb2 as tts
from riva.client.proto import riva_tts_pb2_grpc as tts_grpc

SCRIPT = ("the", "quick", "brown", "fox", "jumps", "over", "the", "lazy", "dog", "while", "five", "wizards", "pack")
WORD_SAMPLES = 4_800
LOUD = 300
CHAR_MS = 60
PIECE_BYTES = 2_000


@dataclass
class Riva(
    asr_grpc.RivaSpeechRecognitionServicer,  # type: ignore[misc]  # the stubs ship no types
    nmt_grpc.RivaTranslationServicer,  # type: ignore[misc]  # as above
    tts_grpc.RivaSpeechSynthesisServicer,  # type: ignore[misc]  # as above
):
    """What the server does, and what it was asked."""

    # What it does.
    languages: str = "en-US"
    pairs: tuple[tuple[str, ...], tuple[str, ...]] = (("en", "es"), ("en", "es", "fr"))
    subvoices: str = "Ana:0,Luis:1"
    voice_languages: str = "es"
    watermark: bool = True  # it tells how much audio it is through
    told_words: bool = True  # finals have words with times and confidences
    endpoint_words: int = 0  # it ends an utterance after so many words
    two_parts: bool = False  # interim results come as a stable part and the rest
    finals: bool = True  # it finishes what it heard
    ends_after_words: int = 0  # the call is ended then
    ends_with: grpc.StatusCode = grpc.StatusCode.UNAVAILABLE
    refuses: grpc.StatusCode | None = None  # every call but those about its configuration
    hangs: bool = False  # it answers nothing
    honours: str = "##"  # of phrases, those replaced and those kept; "kept": the latter; "": none, and no word
    extra_bytes: int = 0  # pieces of speech have so many bytes more
    wanted: dict[str, str] = field(default_factory=dict)  # metadata every call must have

    # What it was asked.
    requests: list[Any] = field(default_factory=list)
    metadata: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    arrivals: list[tuple[float, int]] = field(default_factory=list)  # when, and how much audio of a call by then
    running: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)  # for anything but its configuration
    broke: asyncio.Event = field(default_factory=asyncio.Event)  # a call was ended after some words
    quit: asyncio.Event = field(default_factory=asyncio.Event)  # a caller left in the midst of a call

    def _begun(self, context: Any) -> None:
        self.running += 1
        context.add_done_callback(self._over)

    def _over(self, context: Any) -> None:
        self.running -= 1
        if not context.done():
            self.quit.set()

    async def _admit(self, name: str, context: Any, configuring: bool = False) -> None:
        given = dict(context.invocation_metadata())
        self.metadata.append((name, given))
        for key, value in self.wanted.items():
            if given.get(key) != value:
                await context.abort(grpc.StatusCode.UNAUTHENTICATED, f"bad {key}: {given.get(key)}")
        if configuring:
            return
        self.asked.set()
        if self.refuses is not None:
            await context.abort(self.refuses, "the words of a user")
        if self.hangs:
            await asyncio.Event().wait()

    # Recognition.

    async def GetRivaSpeechRecognitionConfig(self, request: Any, context: Any) -> Any:
        await self._admit("GetRivaSpeechRecognitionConfig", context, configuring=True)
        found = asr.RivaSpeechRecognitionConfigResponse()
        online = {"type": "online", "streaming": "True", "language_code": self.languages}
        found.model_config.add(model_name="parakeet", parameters=online)
        found.model_config.add(
            model_name="offline", parameters={"type": "offline", "streaming": "False", "language_code": "fr-FR"}
        )
        return found

    async def StreamingRecognize(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        self._begun(context)
        first = await anext(requests)
        self.requests.append(first.streaming_config)
        await self._admit("StreamingRecognize", context)
        ear, told = Ear(self), 0
        async for request in requests:
            ear.hear(request.audio_content)
            self.arrivals.append((asyncio.get_running_loop().time(), len(ear.audio)))
            if self.ends_after_words and len(ear.words) >= self.ends_after_words:
                self.broke.set()
                if self.ends_with is grpc.StatusCode.OK:
                    return
                await context.abort(self.ends_with, "the words of a user")
            while self.endpoint_words and len(ear.words) - told >= self.endpoint_words:
                yield ear.final(told, told + self.endpoint_words)
                told += self.endpoint_words
            if self.watermark or len(ear.words) > told:
                yield ear.interim(told)
        if self.finals and len(ear.words) > told:
            yield ear.final(told, len(ear.words))

    # Translation.

    async def ListSupportedLanguagePairs(self, request: Any, context: Any) -> Any:
        await self._admit("ListSupportedLanguagePairs", context, configuring=True)
        found = nmt.AvailableLanguageResponse()
        for model in ("s2t_model", "megatron"):
            found.languages[model].src_lang.extend(self.pairs[0])
            found.languages[model].tgt_lang.extend(self.pairs[1])
        return found

    async def TranslateText(self, request: Any, context: Any) -> Any:
        self._begun(context)
        self.requests.append(request)
        await self._admit("TranslateText", context)
        known: dict[str, str] = {}
        for phrase in request.dnt_phrases:
            source, replaced, target = phrase.partition("##")
            if self.honours == "##" or (self.honours and not replaced):
                known[source] = target or source
        longest_first = sorted(known, key=len, reverse=True)
        pattern = "|".join([*(rf"(?<!\w){re.escape(phrase)}(?!\w)" for phrase in longest_first), r"\w+"])
        ending = request.target_language[:2]
        found = [
            re.sub(pattern, lambda match: known.get(match[0], match[0][:: 1 if self.honours else -1] + ending), text)
            for text in request.texts
        ]
        return nmt.TranslateTextResponse(translations=[nmt.Translation(text=text) for text in found])

    # Synthesis.

    async def GetRivaSynthesisConfig(self, request: Any, context: Any) -> Any:
        await self._admit("GetRivaSynthesisConfig", context, configuring=True)
        parameters = {"language_code": self.voice_languages, "voice_name": "Magpie", "subvoices": self.subvoices}
        found = tts.RivaSynthesisConfigResponse()
        found.model_config.add(model_name="magpie", parameters=parameters)
        return found

    async def SynthesizeOnline(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            async for response in self.synthesize(request, context):
                yield response

    async def synthesize(self, request: Any, context: Any) -> AsyncIterator[Any]:
        """As servers had it before the request was a stream."""
        self._begun(context)
        self.requests.append(request)
        await self._admit("SynthesizeOnline", context)
        said, rate = spoken(request.text)
        for entry in filter(None, request.custom_dictionary.split(",")):
            word, sounds = entry.split("  ")
            said = said.replace(word, sounds)
        count = round(request.sample_rate_hz * len(said) * CHAR_MS / 1000 / rate)
        times = np.arange(count) / request.sample_rate_hz
        audio = np.asarray(8_000 * np.cos(2 * np.pi * 220 * times), dtype="<i2").tobytes()
        size = PIECE_BYTES + self.extra_bytes
        for start in range(0, len(audio), size):
            yield tts.SynthesizeSpeechResponse(audio=audio[start : start + size])


class Ear:
    """Hears a word in every 300 ms of a call's audio that are loud where they end."""

    def __init__(self, riva: Riva) -> None:
        self.audio = np.empty(0, np.int16)
        self.words: list[Any] = []
        self._riva = riva
        self._counted = 0

    def hear(self, pcm: bytes) -> None:
        self.audio = np.concatenate((self.audio, np.frombuffer(pcm, "<i2")))
        while (self._counted + 1) * WORD_SAMPLES <= len(self.audio):
            self._counted += 1
            end = self._counted * WORD_SAMPLES
            if np.abs(self.audio[end - 160 : end].astype(int)).max() >= LOUD:
                milliseconds = end // 16
                text = SCRIPT[len(self.words) % len(SCRIPT)]
                word = asr.WordInfo(word=text, start_time=milliseconds - 300, end_time=milliseconds, confidence=0.75)
                self.words.append(word)

    def interim(self, told: int) -> Any:
        texts = [word.word for word in self.words[told:]]
        parts = [(texts[:-1], 0.95), (texts[-1:], 0.1)] if self._riva.two_parts else [(texts, 0.1)]
        return asr.StreamingRecognizeResponse(results=[self._result(text, stability=sure) for text, sure in parts])

    def final(self, told: int, end: int) -> Any:
        words = self.words[told:end]
        result = self._result([word.word for word in words], is_final=True)
        if self._riva.told_words:
            result.alternatives[0].words.extend(words)
        return asr.StreamingRecognizeResponse(results=[result])

    def _result(self, texts: list[str], **rest: Any) -> Any:
        processed = len(self.audio) / 16_000 if self._riva.watermark else 0.0
        heard = [asr.SpeechRecognitionAlternative(transcript=" ".join(texts) + " ")] if texts else []
        return asr.StreamingRecognitionResult(alternatives=heard, audio_processed=processed, **rest)


def spoken(text: str) -> tuple[str, float]:
    """What is said of a text, and how fast: SSML where it is that, else as it stands."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return text, 1.0
    if root.tag != "speak":
        return text, 1.0
    prosody = root.find("prosody")
    rate = 1.0 if prosody is None else float(prosody.attrib["rate"].rstrip("%")) / 100
    for phoneme in root.iter("phoneme"):
        phoneme.text = phoneme.attrib["ph"]
    return "".join(root.itertext()), rate


@asynccontextmanager
async def serving(
    riva: Riva, credentials: grpc.ServerCredentials | None = None, unary_requests: bool = False
) -> AsyncIterator[str]:
    """The server's address. With `unary_requests`, it synthesizes as servers did before 2026-03."""
    server = grpc.aio.server()
    asr_grpc.add_RivaSpeechRecognitionServicer_to_server(riva, server)
    nmt_grpc.add_RivaTranslationServicer_to_server(riva, server)
    if unary_requests:
        service = tts.DESCRIPTOR.services_by_name["RivaSpeechSynthesis"].full_name
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, _older(riva)),))
    else:
        tts_grpc.add_RivaSpeechSynthesisServicer_to_server(riva, server)
    port = (
        server.add_insecure_port("127.0.0.1:0")
        if credentials is None
        else server.add_secure_port("127.0.0.1:0", credentials)
    )
    await server.start()
    try:
        yield f"localhost:{port}"
    finally:
        await server.stop(0)


@asynccontextmanager
async def endpoint(engine: str) -> AsyncIterator[dict[str, Any]]:
    """Settings of the Riva engines, with a server if it is `engine` that a test runs on."""
    if engine != "riva":
        yield {}
        return
    async with serving(Riva()) as address:
        yield {"endpoint": address}


def _older(riva: Riva) -> dict[str, Any]:
    config, request = tts.RivaSynthesisConfigRequest, tts.SynthesizeSpeechRequest
    return {
        "GetRivaSynthesisConfig": grpc.unary_unary_rpc_method_handler(
            riva.GetRivaSynthesisConfig, config.FromString, tts.RivaSynthesisConfigResponse.SerializeToString
        ),
        "SynthesizeOnline": grpc.unary_stream_rpc_method_handler(
            riva.synthesize, request.FromString, tts.SynthesizeSpeechResponse.SerializeToString
        ),
    }
