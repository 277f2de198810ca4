"""A session: the life of one Stream call, from the first word heard to the last word spoken.

                                                          ┌─▸ Target es: translate ▸ conclude ▸ cut ▸ speak ─┐
    inputs ─▸ _listen ─┬─ speech ─▸ Recognition ─▸ _hear ─┼─▸ Target fr                                      ├─▸ outbox
                       └─ typed text ─────────────────────┴─▸ Target de                                      ┘

Everything between two tasks is bounded. What bounds the whole is the backlog: `_listen` takes no more audio while the
recognizer, a translator, a voice or the client lies too far behind. It ends the way the words go: first the source,
then each target, then the session.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from services.common.cancelling import TaskGroup, heed_cancellation
from services.common.errors import MeshError, cause
from services.gateway.account.account import Shared
from services.gateway.incoming.ingress import TYPED, Source
from services.gateway.outgoing import messages
from services.gateway.outgoing.turn_taking import source_turned
from services.gateway.recognition.recognition import Recognition
from services.gateway.translation.targets import Targets
from services.gateway.values.speech import (
    Audio,
    Commit,
    Input,
    Interrupt,
    Mark,
    MissingAudio,
    Ping,
    Progress,
    SetTargets,
    SourceEvent,
    Transcript,
    Typed,
)


class Session:
    """Speech or typed text in; transcripts, translations and speech out."""

    def __init__(self, shared: Shared, recognition: Recognition, source: Source) -> None:
        self._shared = shared
        self._recognition = recognition
        self._source = source
        self._pipelines = TaskGroup()
        self._targets = Targets(shared, self._pipelines)

    async def run(self, inputs: AsyncIterator[Input]) -> MeshError | None:
        """Lives until the source has ended and all it said has been delivered.

        Returns the fault when one ended the source: the client sent what it may not, or the recognizer broke.
        """
        async with self._pipelines:
            await self._targets.take(self._shared.terms.targets)
            fault = await self._hear_out(inputs)
            self._shared.floor.close()
            await self._close_typed()
            await self._targets.end_transcripts()
        account = self._shared.account
        await account.note_skipped()
        await account.outbox.put(messages.end())
        return fault

    async def _hear_out(self, inputs: AsyncIterator[Input]) -> MeshError | None:
        try:
            async with TaskGroup() as source:
                source.create_task(self._recognition.run())
                source.create_task(self._hear())
                listening = source.create_task(self._listen(inputs))
        except ExceptionGroup as group:
            return await self._end_with(group)
        return listening.result()

    async def _listen(self, inputs: AsyncIterator[Input]) -> MeshError | None:
        fault = None
        try:
            async for said in inputs:
                await self._take(said)
        except MeshError as refusal:
            fault = await self._end_with(refusal)
        await self._recognition.end_audio()
        return fault

    async def _end_with(self, error: Exception) -> MeshError:
        """Tell the client of the fault the session ends with, and return it. Raises what is no fault but a defect."""
        heed_cancellation()
        fault = cause(error)
        if not isinstance(fault, MeshError):
            raise fault
        self._shared.floor.give()  # its end may not have been heard
        await self._shared.account.outbox.put(messages.error(fault, fatal=True))
        return fault

    async def _take(self, said: Input) -> None:
        match said:
            case Audio():
                if await self._shared.account.accept(said):
                    if self._shared.archive.hears:
                        self._shared.archive.audio(said)
                    await self._recognition.feed.say(said)
            case MissingAudio(start, end, filled, corrupt):
                await self._shared.account.outbox.put(messages.missing_audio(start, end, filled, corrupt))
            case Typed():
                await self._type(said)
            case Commit():
                await self._close_typed()
                await self._commit()
            case Ping():
                mark = Mark(said.marker)  # it follows all before it: through the recognizer, then through every target
                feed = self._recognition.feed
                await (feed.say(mark) if feed.started else self._targets.passed(mark))
            case Interrupt():
                await self._targets.interrupt(said.lang)
            case SetTargets() if await self._targets.take(said.targets):
                await self._commit()

    async def _hear(self) -> None:
        async for heard in self._recognition.heard:
            match heard:
                case Transcript():
                    await self._transcribed(self._source.numbered(heard), heard.segment_id)
                case SourceEvent():
                    await source_turned(self._shared.floor, heard, self._shared.account.outbox)
                case Progress():
                    await self._shared.account.progressed(heard)
                case Mark():
                    await self._targets.passed(heard)

    async def _transcribed(self, said: Transcript, recognized_id: int = 0) -> None:
        """A revision of a segment: to the client, to every target, and its trace to the recognizer it came from."""
        trace = await self._targets.transcribed(await self._source.masked(said))
        if recognized_id and recognized_id != self._recognition.traced:
            self._recognition.trace(recognized_id, trace)

    async def _commit(self) -> None:
        if self._recognition.feed.started:
            await self._recognition.feed.say(Commit())

    async def _type(self, said: Typed) -> None:
        typed, heard_samples = self._source.typed, self._shared.account.backlog.accepted_samples
        typed.extend(said.text)
        if not typed.empty:
            number = self._source.numbering.of(TYPED, said.final)
            await self._transcribed(typed.transcript(number, said.final, heard_samples))

    async def _close_typed(self) -> None:
        await self._type(Typed("", final=True))
