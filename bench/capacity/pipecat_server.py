"""A Pipecat process that does null work: a pipeline per WebSocket, with its protobuf serializer and Silero VAD.

    PYTHON bench/capacity/pipecat_server.py PORT

Run by `bench.capacity.messages` in an environment with pipecat-ai. While somebody speaks, an interim transcript of one
word more is made each 200 ms, and a final one of 15 words; each is translated, and the translation of a final is
spoken, a word for as long as it was spoken. Transcripts and translations go to the client, as they do in the mesh.
"""

from __future__ import annotations

import sys
from typing import Any

import uvicorn
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.runner import PipelineRunner
from pipecat.pipeline.task import PipelineParams, PipelineTask
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport

IN_RATE, OUT_RATE = 16_000, 24_000
WORD_MS, MOST_WORDS, PIECE_MS = 200, 15, 80
SILENCE = bytes(2 * OUT_RATE * PIECE_MS // 1000)

app = FastAPI()


class Recognizing(FrameProcessor):
    """Makes up a transcript of as many words as were spoken."""

    def __init__(self) -> None:
        super().__init__()
        self._speaking = False
        self._samples = self._words = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Count speech in; transcripts out."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._samples += len(frame.audio) // 2 if self._speaking else 0
            while self._samples >= IN_RATE * WORD_MS // 1000:
                self._samples -= IN_RATE * WORD_MS // 1000
                self._words += 1
                await self._transcribe(final=self._words == MOST_WORDS)
            return
        if isinstance(frame, VADUserStartedSpeakingFrame):
            self._speaking = True
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            self._speaking = False
            if self._words:
                await self._transcribe(final=True)
        await self.push_frame(frame, direction)

    async def _transcribe(self, final: bool) -> None:
        text = " ".join(f"word{number}" for number in range(self._words))
        await self.push_frame(TranscriptionFrame(text, "speaker", "", finalized=final))
        if final:
            self._words = 0


class Translating(FrameProcessor):
    """Translates each transcript, interim ones too."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Send each transcript to the client, its translation, and the speech of a final one."""
        await super().process_frame(frame, direction)
        if not isinstance(frame, TranscriptionFrame):
            await self.push_frame(frame, direction)
            return
        for kind, text in (("transcript", frame.text), ("translation", frame.text.upper())):
            message = {"type": kind, "text": text, "final": frame.finalized}
            await self.push_frame(OutputTransportMessageUrgentFrame(message=message))
        if frame.finalized:
            for _ in range(len(frame.text.split()) * WORD_MS // PIECE_MS):
                await self.push_frame(TTSAudioRawFrame(SILENCE, OUT_RATE, 1))


@app.websocket("/ws")
async def serve(websocket: WebSocket) -> None:
    """One session."""
    await websocket.accept()
    params = FastAPIWebsocketParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_in_sample_rate=IN_RATE,
        audio_out_sample_rate=OUT_RATE,
        audio_out_10ms_chunks=2 * PIECE_MS // 10,  # as the mesh joins pieces that are there at once
        serializer=ProtobufFrameSerializer(),
    )
    transport = FastAPIWebsocketTransport(websocket, params)
    heard = VADProcessor(vad_analyzer=SileroVADAnalyzer(sample_rate=IN_RATE))
    steps = [transport.input(), heard, Recognizing(), Translating(), transport.output()]
    rates = PipelineParams(audio_in_sample_rate=IN_RATE, audio_out_sample_rate=OUT_RATE)
    task = PipelineTask(Pipeline(steps), params=rates, cancel_on_idle_timeout=False)

    @transport.event_handler("on_client_disconnected")
    async def left(*_: Any) -> None:
        await task.cancel()

    await PipelineRunner(handle_sigint=False).run(task)


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
