"""One target language of a session: transcripts in; translations, concluded text and speech out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from services.common.cancelling import TaskGroup
from services.gateway.account.account import Shared
from services.gateway.account.ledger import Outcome
from services.gateway.agreement.glossary import Lexicon
from services.gateway.agreement.long_work import LIGHT, Turns
from services.gateway.outgoing import messages
from services.gateway.stages.shortage import TierNotices
from services.gateway.translation.policy import curbed, ran_away
from services.gateway.translation.segment import Segment, Segments
from services.gateway.translation.translator import Inbox, Translator, Work
from services.gateway.values.continuation import TargetContinuation
from services.gateway.values.speech import Caption, Mark, Transcript
from services.gateway.values.stages import Question
from services.gateway.values.terms import TargetTerms, Uses
from services.gateway.voice.speech import Clause, SegmentDone
from services.gateway.voice.voice import Voice

AT_ONCE = 4  # finals under translation while an outage is caught up with: faster than they were spoken
_NEW = TargetContinuation()


@dataclass(frozen=True, slots=True)
class _Answer:
    """What the source of a revision was translated into."""

    source: str
    lexicon: Lexicon  # the same to translate by and to report
    translation: str | None  # None: there is none


class Target:
    """A pipeline: translate, conclude, cut, speak. One translation is under way at a time, the latest waits."""

    def __init__(self, terms: TargetTerms, shared: Shared, turns: Turns, seed: TargetContinuation = _NEW) -> None:
        self.terms = terms
        self.ended = asyncio.Event()
        self._shared = shared
        self._turns = turns
        self._leaving = False  # what is open when all transcripts are dealt with ends as it stands
        self._translator = Translator(terms, shared, Inbox())
        self._voice = Voice(terms, shared, seed) if terms.speech else None
        self._segments = Segments(terms.lang, shared.terms.holding, shared.dictionary, seed)
        self._tiers = TierNotices("MT", terms.lang)

    async def hear(self, said: Transcript | Mark) -> None:
        """Take in a transcript, or a mark that follows all before it."""
        if isinstance(said, Transcript) and said.language_tentative:
            return None  # it may be in another language: there is nothing to translate yet
        if isinstance(said, Transcript) and not said.final:
            return self._translator.inbox.put_interim(said)
        if isinstance(said, Transcript):
            await self._translator.shortage.waits(said.segment_id)
            said = replace(said, words=())  # nobody here reads them, and it may wait for long
        await self._translator.inbox.put(said)

    async def interrupt(self) -> None:
        """Drop the target's speech that was not sent yet."""
        if self._voice:
            await self._voice.interrupt()

    async def end_transcripts(self) -> None:
        """End the target: it works off what it has, and gets no more transcripts."""
        if not self._translator.inbox.closed:
            self._translator.source_ended()
            await self._translator.inbox.close()

    async def leave(self) -> None:
        """End the target though the session goes on: open segments end as they stand."""
        self._leaving = True
        self._translator.inbox.drop_interim()
        await self.end_transcripts()

    async def run(self, after: Target | None = None) -> None:
        """Works until `end_transcripts` was called and all is sent; starts once the one before has ended."""
        if after:
            await after.ended.wait()
        async with TaskGroup() as tasks:
            telling = tasks.create_task(self._translator.shortage.run())
            if self._voice:
                tasks.create_task(self._voice.run())
            await self._translate_all()
            if self._leaving:
                await self._conclude()
            telling.cancel()
            if self._voice:
                await self._voice.end_clauses()
        await self._shared.account.outbox.put(messages.end(self.terms.lang))
        self.ended.set()

    async def _translate_all(self) -> None:
        """Translate one transcript after the other; after an outage several at once, but in order all the same."""
        shortage = self._translator.shortage
        while works := await self._translator.inbox.take(AT_ONCE if shortage.on else 1):
            if len(works) == 1:
                await self._deliver(works[0], await self._answer(works[0]))
            else:
                async with TaskGroup() as asking:
                    answers = [asking.create_task(self._answer(work)) for work in works]
                    for work, answer in zip(works, answers, strict=True):
                        await self._deliver(work, await answer)
            if shortage.on and not self._translator.inbox.waiting:
                await shortage.settle()

    async def _answer(self, work: Work) -> _Answer | None:
        """The translation of a transcript; None when there is nothing to translate."""
        if isinstance(work, Mark):
            return None
        dictionary = self._shared.dictionary
        segment = self._segments.open.get(work.segment_id) or self._segments.of(work)
        lexicon = segment.lexicon
        if lexicon is None or work.final or segment.glossary is not dictionary.glossary:
            if dictionary.work(self.terms.lang, work.language) > LIGHT:
                await self._turns.wait()
            lexicon = self._segments.lexicon(segment, work)
        source = work.text if work.final else self._segments.policy.source(work)
        if lexicon.terms and not work.final:  # nothing that may turn out to begin a term
            source = lexicon.settled(source)
        if segment.had or (source == segment.source and not work.final):
            return None
        if len(source) > LIGHT:
            await self._turns.wait()
        asked = self._question(work, source, lexicon, segment)
        return _Answer(source, lexicon, await self._translator.ask(work, asked))

    def _question(self, said: Transcript, source: str, lexicon: Lexicon, segment: Segment) -> Question:
        terms, agreed = self.terms.of(said.language) if self.terms.by_source else self.terms, self._shared.terms
        return Question(
            source,
            terms.spoken_lang,
            terms.lang,
            said.final,
            terms=lexicon.terms_in(source) if lexicon.terms or "[" in source else (),  # or a placeholder
            prefix=segment.text.concluded,
            objective_ms=agreed.objectives.mt_ms,
            timeout_ms=0 if said.final else agreed.interim_timeout_ms,
            batch_wait_ms=agreed.batch_wait_ms,
            affinity=agreed.affinity,
            rung=segment.rung,
            formality=terms.formality,
            unstored=agreed.masks.stored_only,
        )

    async def _deliver(self, work: Work, answer: _Answer | None) -> None:
        """Shows what became of a transcript, and speaks what is newly concluded."""
        if isinstance(work, Mark):
            return await (self._voice.say(work) if self._voice else self._shared.account.passed(work))
        segment = self._segments.open.get(work.segment_id) or self._segments.of(work)
        if segment.rung.tier or segment.begun:
            await self._go_before(segment, work)
        if long := len(work.text) > LIGHT:
            await self._turns.wait()
        if segment.had and work.final:
            self._shared.account.ledger.translated(work.segment_id, self.terms.lang)
            await self._speak(segment, work, segment.had)
        elif answer and (caption := await self._revised(segment, work, answer)):
            if long:
                await self._turns.wait()
            await self._show(segment, work, caption, answer.lexicon)
            if self._voice or caption.final:
                if long:
                    await self._turns.wait()
                await self._speak(segment, work, caption)
        if work.final:
            self._segments.close(work)

    async def _go_before(self, segment: Segment, said: Transcript) -> None:
        """Tell what comes before a revision: news of the tier that made it, and a clause that was cut off."""
        for news in self._tiers.news(segment.rung.tier, segment.rung.larger, said.segment_id):
            await self._shared.account.outbox.put(news)
        await self._speak_on(segment, said)

    async def _revised(self, segment: Segment, said: Transcript, answer: _Answer) -> Caption | None:
        """The segment's text with the answer in it; None when it is better to wait for the next one."""
        translation, runaway = answer.translation, False
        if translation is not None and (runaway := ran_away(answer.source, translation)):
            translation = curbed(answer.source, translation)
        if not said.final and (translation is None or runaway):
            return None
        if runaway:
            await self._shared.account.outbox.put(messages.degraded("MT", self.terms.lang, "RUNAWAY", said.segment_id))
        if translation is None:
            self._shared.account.ledger.fell_short(said.segment_id, self.terms.lang, Outcome.UNTRANSLATED)
        segment.said, segment.source, segment.revision = said, answer.source, segment.revision + 1
        text = translation or ""  # without one, what was concluded stands
        return segment.text.conclude_all(text) if said.final else segment.text.revise(text, answer.source)

    async def _conclude(self) -> None:
        """Ends the segments that are open by what is concluded of them: the rest is not wanted any more."""
        for said, segment in self._segments.begun(self._shared.goes_on):
            await self._speak_on(segment, said)
            segment.revision += 1
            caption = segment.text.conclude()
            if self.terms.of(said.language).captions and (caption.text or self._shared.terms.interim):
                lexicon = self._shared.dictionary.of(self.terms.lang, said.language)
                uses = lexicon.uses(segment.source, caption.text)
                message = messages.translation(said, caption, self.terms.lang, segment.revision, uses)
                await self._shared.account.outbox.put(
                    message, final_of=("translation", self.terms.lang, said.segment_id)
                )
            self._shared.archive.translation(said, self.terms.lang, caption.text)
            await self._say(segment, said, caption)

    async def _show(self, segment: Segment, said: Transcript, caption: Caption, lexicon: Lexicon) -> None:
        if caption.final:
            self._shared.account.ledger.translated(said.segment_id, self.terms.lang)
            self._shared.archive.translation(said, self.terms.lang, caption.text)
        terms = self.terms.of(said.language) if self.terms.by_source else self.terms
        if not terms.captions:
            return
        about = ("translation", self.terms.lang, said.segment_id)
        uses = lexicon.uses(said.text, caption.text) if caption.final else Uses()
        message = messages.translation(said, caption, self.terms.lang, segment.revision, uses)
        if caption.final:
            await self._shared.account.outbox.put(message, final_of=about)
        elif self._shared.terms.interim:
            await self._shared.account.outbox.put_interim(about, message, shown=(caption.text, caption.stable_length))

    async def _speak_on(self, segment: Segment, said: Transcript) -> None:
        """Speak the rest of the clause that was cut off when the session broke."""
        if self._voice and (begun := segment.begun):
            segment.begun = None
            await self._voice.say(replace(self._clause(begun.speaking, said), said_samples=begun.speaking_samples))

    async def _speak(self, segment: Segment, said: Transcript, caption: Caption) -> None:
        await self._say(segment, said, caption)
        if caption.final:
            done = SegmentDone(said.segment_id)
            sent = self._shared.account.segment_sent
            await (self._voice.say(done) if self._voice else sent(said.segment_id, self.terms.lang))

    async def _say(self, segment: Segment, said: Transcript, caption: Caption) -> None:
        if self._voice and self.terms.of(said.language).speech:
            concluded = caption.text[segment.spoken_length : caption.stable_length]
            segment.spoken_length = max(segment.spoken_length, caption.stable_length)
            clauses = segment.clauses.add(concluded, said.end_samples)
            for text in clauses + (segment.clauses.rest() if caption.final else []):
                await self._voice.say(self._clause(text, said))

    def _clause(self, text: str, said: Transcript) -> Clause:
        """A clause of a segment. One that waited for the translator holds no audio back for that."""
        late = self._translator.shortage.on
        since = self._shared.account.backlog.accepted_samples if late else said.end_samples
        ticket = self._shared.account.backlog.begin("TTS", self.terms.lang, since)
        trace = self._shared.account.ledger.trace(said.segment_id)
        rung = self._segments.utterances.rung(said)
        where = (text, said.segment_id, ticket, trace, said.typed, said.end_samples)
        return Clause(*where, rung=rung, unsure=said.language_unsure)
