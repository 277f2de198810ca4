"""NVIDIA Riva: one call of StreamingRecognize for each segment, on the stubs of nvidia-riva-client.

The stage's gate decides where a segment ends: there the call is half-closed, and the parts that Riva has finished
until then are joined. Riva's own endpoints inside a segment cut nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

import grpc
from riva.client.proto import riva_asr_pb2_grpc

from services.asr.engine import Endpoint, Heard, Hypothesis, PrefixRules, Speech, Stabilization, Terms
from services.asr.engines.riva.joining import Transcript
from services.asr.engines.riva.messages import audio, is_streaming, listed, opening, parts
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE
from services.common.cancelling import TaskGroup, end_call
from services.common.engines.load import Load
from services.common.engines.riva import Riva
from services.common.text.languages import written

END_SECONDS = 1.0  # for what is left of a call; gRPC keeps one for ever whose messages are not read
REFUSAL_SECONDS = 1.0  # in which a server that has no room says so
STEPS = 3  # of an answer, each with its own deadline: the call is opened, written to, and heard to its end


class Engine:
    """Recognizes sessions on a Riva server, with one call per segment."""

    name = "riva"
    starts_programs = False
    versions = ()
    wideband = False
    device = "Riva server"

    def __init__(self, settings: AsrSettings) -> None:
        self._settings = settings.riva
        self._riva = Riva(settings.riva, "ASR")
        self.load = Load("asr", settings.slots)  # a call is in work for as long as its segment is open
        self._stub: Any = None
        self._tags: dict[str, str] = {}  # what Riva calls our languages
        self.version = ""
        self.patience_seconds = STEPS * self._riva.patience_seconds

    @property
    def languages(self) -> tuple[str, ...]:
        """BCP-47 tags of the languages that the server's models recognize; known after `start`."""
        return tuple(self._tags)

    @property
    def written(self) -> bool:
        """Whether Riva's words come cased and punctuated: as its punctuation is set."""
        return self._settings.punctuation

    @property
    def biased(self) -> bool:
        """Whether Riva boosts a session's terms: while the boost is above 0."""
        return self._settings.boost > 0

    @property
    def prefixes(self) -> Mapping[Stabilization, PrefixRules]:
        """The rules that conclude words of Riva's interim results, which come a few times a second and settle by its
        model.
        """
        if self._settings.trust_stability:
            return dict.fromkeys(Stabilization, PrefixRules(engine_told=True))
        return {
            Stabilization.FAST: PrefixRules(agreement=2),
            Stabilization.BALANCED: PrefixRules(agreement=3),
            Stabilization.AGGRESSIVE: PrefixRules(agreement=3, held_words=1),
        }

    async def start(self) -> None:
        """Connect and check the server's models. Raises StageFailed without a server, InvalidArgument when settings
        disagree.
        """
        self._stub = riva_asr_pb2_grpc.RivaSpeechRecognitionStub(self._riva.open())
        request = listed(self._settings.model)
        told = await self._riva.configuration(self._stub.GetRivaSpeechRecognitionConfig, request)
        models = [config for config in told.model_config if is_streaming(config.parameters)]
        tags = self._settings.languages or [
            tag.strip() for config in models for tag in config.parameters["language_code"].split(",")
        ]
        for tag in filter(written, tags):
            self._tags.setdefault(written(tag), tag)
        if not self._tags:
            raise self._riva.failed(f"The Riva server recognizes no stream: check {self._riva.setting('model')}.")
        self.version = ", ".join(sorted({config.model_name for config in models})) or "unknown"

    async def stop(self) -> None:
        """Close the connection to the Riva server."""
        await self._riva.close()

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """Recognize the session's speech with one Riva call per segment. Raises StageFailed when a call fails."""
        config = opening(self._settings, self._tags[language])
        lead_samples = self._settings.lead_ms * ASR_RATE // 1000
        async with Streams(self._riva, self._stub, lead_samples, self.load) as streams:
            async for item in heard:
                if isinstance(item, Terms):
                    config = opening(self._settings, self._tags[language], item)
                elif isinstance(item, Speech):
                    if (guess := await streams.send(item, config)) is not None:
                        yield guess
                elif isinstance(item, Endpoint):
                    yield await streams.finished()


class Streams:
    """The Riva calls of one session, one after the other, each with a task that reads from it.

    The generator that uses this yields while such a task runs. The task never raises, so it never cancels whoever
    iterates (PEP 789): what its call ended with is raised where the call is used.
    """

    def __init__(self, riva: Riva, stub: Any, lead_samples: int, load: Load) -> None:
        self._riva = riva
        self._stub = stub
        self._lead_samples = lead_samples
        self._load = load
        self._open: Stream | None = None
        self._reader: asyncio.Task[None] | None = None
        self._tasks = TaskGroup()
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Streams:
        await self._stack.enter_async_context(self._tasks)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._open is not None and self._reader is not None:
                self._open.cancel()
                await asyncio.wait([self._reader], timeout=END_SECONDS)
                self._reader.cancel()
        finally:
            await self._stack.aclose()  # not told of the error, which a task group would wrap

    async def send(self, speech: Speech, config: Any) -> Hypothesis | None:
        """Send audio of the open segment, opening its call if needed; return a hypothesis if Riva has sent news."""
        try:
            if self._open is None:
                await self._opened(config, speech.offset_samples)
            assert self._open is not None
            return await self._open.send(speech)
        except grpc.aio.AioRpcError as error:
            raise self._riva.fault(await self._first_hand(error, config)) from error

    async def finished(self) -> Hypothesis:
        """Return the final of the open segment, which is empty when none is open. Raises StageFailed."""
        if self._open is None:
            return Hypothesis((), final=True)
        try:
            final = await self._open.finish()
        except grpc.aio.AioRpcError as error:
            raise self._riva.fault(error) from error
        self._open = None
        return final

    async def _opened(self, config: Any, start_samples: int) -> None:
        """Open a call for the segment whose audio starts at `start_samples` on the session's clock."""
        call = self._stub.StreamingRecognize(metadata=self._riva.metadata)
        self._open = Stream(self._riva, call, Transcript(start_samples), self._lead_samples)
        self._reader = self._tasks.create_task(self._read(self._open))
        await self._open.write(config)

    async def _read(self, stream: Stream) -> None:
        with self._load.working():
            await stream.read()

    async def _first_hand(self, error: grpc.aio.AioRpcError, config: Any) -> grpc.aio.AioRpcError:
        """Return the status that a call really ended with: one that crossed a write is lost to INTERNAL
        (grpc/grpc#36066).

        A server that refuses calls refuses one more, in which nothing is written that could cross that.
        """
        if error.code() is not grpc.StatusCode.INTERNAL or (self._open is not None and self._open.answered):
            return error
        call = self._stub.StreamingRecognize(metadata=self._riva.metadata, timeout=REFUSAL_SECONDS)
        try:
            with suppress(asyncio.InvalidStateError):  # it was refused at once
                await call.write(config)
            await call.read()
        except grpc.aio.AioRpcError as again:
            return error if again.code() is grpc.StatusCode.DEADLINE_EXCEEDED else again
        finally:
            end_call(call)
        return error


class Stream:
    """One Riva call, which recognizes one segment."""

    def __init__(self, riva: Riva, call: Any, transcript: Transcript, lead_samples: int) -> None:
        loop = asyncio.get_running_loop()
        self._riva = riva
        self._call = call
        self._transcript = transcript
        self._lead = Lead(lead_samples, loop.time())
        self._told = asyncio.Event()  # something came, or the call is over
        self._end: asyncio.Future[grpc.aio.AioRpcError | None] = loop.create_future()

    @property
    def answered(self) -> bool:
        """Whether Riva has accepted the call and sent results."""
        return self._transcript.begun

    async def read(self) -> None:
        """Read Riva's responses into the transcript until the call is over."""
        fault = None
        try:
            async for response in self._call:  # to the end: `read` gives up once a write has failed
                self._transcript.hear(list(parts(response)))
                self._told.set()
        except grpc.aio.AioRpcError as error:
            fault = error
        finally:
            self._end.set_result(fault)
            self._told.set()

    async def send(self, speech: Speech) -> Hypothesis | None:
        """Send audio, wait until more may be sent, and return a hypothesis if Riva has sent news."""
        self._transcript.sent_samples += len(speech.pcm)  # before: an answer may come at once
        await self.write(audio(speech))
        while not self._end.done() and (ahead_seconds := self._lead.ahead_seconds(self._transcript, self._now)) > 0:
            self._told.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(ahead_seconds):
                    await self._told.wait()
        return self._transcript.news()

    async def write(self, request: Any) -> None:
        """Write a message to the call. Raises the status that the call ended with, if it has."""
        if not self._end.done():
            with suppress(asyncio.InvalidStateError):  # the call is over, and its reader is about to know
                await self._riva.in_time(partial(self._call.write, request))
                return
        await self._ended()
        raise self._riva.failed("Riva ended the call in the midst of speech.")

    async def finish(self) -> Hypothesis:
        """Half-close the call, and return its transcript when Riva has sent all of it. Raises the status it
        ended with.
        """
        await self._riva.in_time(self._call.done_writing)
        await self._ended()
        return self._transcript.final()

    def cancel(self) -> None:
        """Cancel the call: its remaining results are not wanted."""
        end_call(self._call)

    async def _ended(self) -> None:
        """Wait for the end of the call. Raises the status it ended with, unless that is OK."""
        fault: grpc.aio.AioRpcError | None = await self._riva.in_time(lambda: asyncio.shield(self._end))
        if fault is not None:
            raise fault

    @property
    def _now(self) -> float:
        return asyncio.get_running_loop().time()


@dataclass(frozen=True, slots=True)
class Lead:
    """How far audio may be sent ahead of real time, or of what Riva has processed, whichever is further."""

    most_samples: int
    opened_seconds: float  # when the call was, on the loop's clock

    def ahead_seconds(self, transcript: Transcript, now_seconds: float) -> float:
        """Return the seconds to wait before more audio may be sent, if Riva reports no progress until then."""
        passed_samples = (now_seconds - self.opened_seconds) * ASR_RATE
        free_samples = max(passed_samples, transcript.processed_samples) + self.most_samples
        return (transcript.sent_samples - free_samples) / ASR_RATE
