"""One target language of a session: transcripts in; translations, concluded text and speech out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from services.common.errors import MeshError, TooSlow
from services.gateway import messages
from services.gateway.clauses import Clauses
from services.gateway.continuation import TargetContinuation
from services.gateway.glossary import Lexicon, Uses
from services.gateway.guard import curbed, ran_away
from services.gateway.inbox import Inbox
from services.gateway.policy import TargetText, alignment, policy_of
from services.gateway.shared import Mark, Shared
from services.gateway.stages import Question
from services.gateway.terms import Caption, TargetTerms, Transcript
from services.gateway.voice import Voice
from services.gateway.waiting import Clause, SegmentDone


@dataclass(slots=True)
class _Segment:
    """The open segment, as far as it has been translated."""

    segment_id: int
    text: TargetText
    clauses: Clauses
    revision: int = 0
    source: str = ""  # what was translated last
    spoken_length: int = 0  # so many code points of the translation went to the voice


class Target:
    """A pipeline: translate, conclude, cut, speak. One translation is under way at a time, the latest waits."""

    def __init__(self, terms: TargetTerms, shared: Shared, seed: TargetContinuation) -> None:
        self.terms = terms
        self._seed = seed
        self._shared = shared
        self._policy = policy_of(shared.terms.holding)
        self._inbox = Inbox()
        self._voice = Voice(terms, shared, seed) if terms.speech else None

    async def hear(self, said: Transcript | Mark) -> None:
        """Takes in a transcript, or a mark that follows all before it."""
        if isinstance(said, Transcript) and not said.final:
            await self._inbox.put_interim(said)
        else:
            await self._inbox.put(said)

    async def interrupt(self) -> None:
        """Drops speech that was not sent yet."""
        if self._voice:
            await self._voice.interrupt()

    async def finish(self) -> None:
        """There will be no more transcripts."""
        await self._inbox.close()

    async def run(self) -> None:
        """Works until `finish` was called and all is sent."""
        async with asyncio.TaskGroup() as tasks:
            if self._voice:
                tasks.create_task(self._voice.run())
            await self._translate_all()
            if self._voice:
                await self._voice.finish()
        await self._shared.outbox.put(messages.end(self.terms.lang))

    async def _translate_all(self) -> None:
        segment = self._segment(0)
        async for work in self._inbox:
            if isinstance(work, Mark):
                await (self._voice.say(work) if self._voice else self._shared.passed(work))
                continue
            if work.segment_id != segment.segment_id:
                segment = await self._go_on(work)
            source = work.text if work.final else self._source(work)
            if work.final or source != segment.source:
                await self._revise(segment, work, source)

    async def _go_on(self, said: Transcript) -> _Segment:
        """A segment; the clause of which the client has a part is said to its end at once."""
        segment = self._segment(said.segment_id)
        known = self._seed.segments.get(said.segment_id)
        if self._voice and known and known.speaking:
            ticket = self._shared.backlog.begin("TTS", self.terms.lang, said.end_samples)
            trace = self._shared.ledger.trace(said.segment_id)
            rest = Clause(known.speaking, said.segment_id, ticket, trace, said.typed, known.speaking_samples)
            await self._voice.say(rest)
        return segment

    def _source(self, said: Transcript) -> str:
        """What of an interim transcript is translated: nothing that may turn out to begin a term of the glossary."""
        return self._shared.dictionary.of(self.terms.lang).settled(self._policy.source(said))

    async def _revise(self, segment: _Segment, said: Transcript, source: str) -> None:
        """Translates the segment again; shows it, and speaks what is newly concluded."""
        known = self._seed.segments.get(said.segment_id)
        if known and known.final:
            if said.final:
                await self._speak(segment, said, Caption(known.text, len(known.text), final=True))
            return
        lexicon = self._shared.dictionary.of(self.terms.lang)  # the same to translate by and to report
        translation = await self._translate(said, self._question(said, source, lexicon, segment.text.concluded))
        if translation is None:
            if not said.final:
                return
            translation = ""  # what was concluded stands
        elif ran_away(source, translation):
            if not said.final:
                return  # the next one may not
            translation = curbed(source, translation)
            await self._shared.outbox.put(messages.degraded("MT", self.terms.lang, "RUNAWAY", said.segment_id))
        segment.source, segment.revision = source, segment.revision + 1
        caption = segment.text.finish(translation) if said.final else segment.text.revise(translation, source)
        await self._show(segment, said, caption, lexicon)
        await self._speak(segment, said, caption)

    def _question(self, said: Transcript, source: str, lexicon: Lexicon, concluded: str) -> Question:
        return Question(
            source,
            self.terms.spoken_lang,
            self.terms.lang,
            said.final,
            terms=lexicon.terms_in(source),
            prefix=concluded,
            timeout_ms=0 if said.final else self._shared.terms.interim_timeout_ms,
            batch_wait_ms=self._shared.terms.batch_wait_ms,
        )

    async def _translate(self, said: Transcript, asked: Question) -> str | None:
        """The translation of a revision; None when there is none, which the client has been told.

        But not of an interim one that took longer than the session's budget has for it: a newer one is on its way.
        """
        if not asked.text or self.terms.same_language:
            return asked.text
        ticket = self._shared.backlog.begin("MT", self.terms.lang, said.end_samples)
        trace = self._shared.ledger.trace(said.segment_id)
        translation = None
        try:
            translation = await self._shared.stages.translate(asked, trace)
        except MeshError as fault:
            if not (asked.timeout_ms and isinstance(fault, TooSlow)):
                await self._shared.report(fault, said.segment_id, self.terms.lang)
        await self._shared.when_sent(ticket)
        return translation

    async def _show(self, segment: _Segment, said: Transcript, caption: Caption, lexicon: Lexicon) -> None:
        if caption.final:
            self._shared.ledger.translated(said.segment_id, self.terms.lang)
        if not self.terms.captions:
            return
        about = ("translation", self.terms.lang, said.segment_id)
        uses = lexicon.uses(said.text, caption.text) if caption.final else Uses()
        message = messages.translation(said, caption, self.terms.lang, segment.revision, uses)
        if caption.final:
            await self._shared.outbox.put(message, final_of=about)
        elif self._shared.terms.interim:
            await self._shared.outbox.put_interim(about, message)

    async def _speak(self, segment: _Segment, said: Transcript, caption: Caption) -> None:
        if self._voice:
            concluded = caption.text[segment.spoken_length : caption.stable_length]
            segment.spoken_length = caption.stable_length
            clauses = segment.clauses.add(concluded, said.end_samples)
            for text in clauses + (segment.clauses.finish() if caption.final else []):
                ticket = self._shared.backlog.begin("TTS", self.terms.lang, said.end_samples)
                trace = self._shared.ledger.trace(said.segment_id)
                await self._voice.say(Clause(text, said.segment_id, ticket, trace, said.typed))
        if caption.final:
            done = SegmentDone(said.segment_id)
            sent = self._shared.segment_sent
            await (self._voice.say(done) if self._voice else sent(said.segment_id, self.terms.lang))

    def _segment(self, segment_id: int) -> _Segment:
        segment = _Segment(segment_id, TargetText(self._policy), Clauses(self.terms.lang))
        if known := self._seed.segments.get(segment_id):
            words = known.text.split()
            segment.text = TargetText(self._policy, words)
            said = [*known.spoken.split(), *known.speaking.split()]
            segment.spoken_length = len(" ".join(words[: alignment(said, words)]))
            segment.revision = known.revision
        return segment
