"""The targets of one session, which come and go: each segment is heard to its end by those that began it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

from opentelemetry.context import Context

from services.common.cancelling import TaskGroup
from services.common.text import languages
from services.gateway.account.account import Shared
from services.gateway.account.ledger import Outcome
from services.gateway.agreement.long_work import Turns
from services.gateway.outgoing import messages
from services.gateway.quotas.token_counts import Kind
from services.gateway.stages.shortage import TierNotices
from services.gateway.translation.target import Target
from services.gateway.values.continuation import TargetContinuation
from services.gateway.values.speech import Mark, Transcript
from services.gateway.values.terms import TargetTerms

MOST_WAITING = 8  # targets of one language that have not ended: each waits for the one before it


class Targets:
    """Hands transcripts and marks to the targets in force, and starts and ends them as the client asks.

    One that is taken out concludes the open segments as they stand. One whose terms change finishes them, and its
    successor begins with the next segment. Of one language, a target starts once the one before it has ended.
    """

    def __init__(self, shared: Shared, tasks: TaskGroup) -> None:
        self._shared = shared
        self._tiers = TierNotices("ASR")
        self._turns = Turns()
        self._tasks = tasks
        self._in_force: dict[str, Target] = {}
        self._here: list[Target] = []  # and those that have not ended yet, in the order they came
        self._hearing: dict[int, dict[str, Target | None]] = {}  # by open segment; None: it was taken out
        self._last_final = max((each.segment_id for each in shared.goes_on.transcripts), default=0)

    async def take(self, wanted: Sequence[TargetTerms]) -> bool:
        """Sets the targets from now on; the ones that a resumed client knows go on where that one is.

        Gives whether a new target has nothing more to get of the segment that is open, so that this one is to end.
        """
        missed: list[tuple[Target, Transcript]] = []
        await self._take_out(wanted)
        come_back = False
        for terms in wanted:
            if terms.lang not in self._in_force:
                before, seed = await self._start_of(terms)
                target = Target(terms, self._shared, self._turns, seed)
                await self._make_room(terms.lang)
                self._begin(target)
                missed += [(target, said) for said in before]
                come_back |= self._has_left_open(terms.lang)
                still_open = {number: has for number, has in seed.segments.items() if number > self._last_final}
                come_back |= any(has.final for has in still_open.values())
                for number in still_open:
                    self._hearing.setdefault(number, {}).setdefault(terms.lang, target)
                await asyncio.sleep(0)  # other sessions have their turn: a client may have missed much
        for target, said in missed:
            await target.hear(said)
            self._hearing.pop(said.segment_id, None)
            await asyncio.sleep(0)
        return come_back

    async def transcribed(self, said: Transcript) -> Context:
        """A revision of a segment goes to the client and to the targets that hear it. Gives its trace."""
        hearing = self._hearing.setdefault(said.segment_id, {})
        for lang, current in self._in_force.items():
            hearing.setdefault(lang, current)
        trace = await self._show(said, hearing)
        for target in list(hearing.values()):
            if target:
                await target.hear(said)
        if said.final:
            self._last_final = max(self._last_final, said.segment_id)
            del self._hearing[said.segment_id]
            await self._let_go()
        return trace

    async def _show(self, said: Transcript, hearing: Mapping[str, Target | None]) -> Context:
        """A revision of a segment that goes to these targets is shown to the client. Returns its trace."""
        trace, about = self._shared.account.ledger.opened(said), ("transcript", said.segment_id)
        message = messages.transcript(said, self._shared.terms.source_lang)
        outbox = self._shared.account.outbox
        if said.tier and not said.language_tentative:  # it may be another language's tier that counts
            for news in self._tiers.news(said.tier, said.larger_tiers, said.segment_id):
                await outbox.put(news)
        if said.final:
            if not said.typed:
                self._shared.account.ledger.used.tokens.add(Kind.RECOGNIZED, said.tokens)
            self._shared.account.ledger.recognized(said, [lang for lang, target in hearing.items() if target])
            self._shared.archive.transcript(said, self._shared.terms.source_lang)
            await outbox.put(message, final_of=about)
        elif self._shared.terms.interim:
            # Its language is news as well, and whether that is decided.
            shown = f"{said.language}{'?' * said.language_tentative} {said.text}" if said.text else ""
            await outbox.put_interim(about, message, shown=(shown, said.stable_length))
        return trace

    async def _start_of(self, terms: TargetTerms) -> tuple[Sequence[Transcript], TargetContinuation]:
        """What a target is yet to hear of what the client has heard, and where it goes on.

        Segments that servers have ended over are not made again, and named to the client.
        """
        missed, seed = self._missed(terms.lang)
        for said in missed:
            if self._shared.goes_on.fatal and not seed.finished(said.segment_id, terms.speech):
                translated = seed.finished(said.segment_id, speech=False)
                seed = seed.left_out(said.segment_id)
                shortfall = Outcome.CAPTIONS if translated else Outcome.UNTRANSLATED
                self._shared.account.ledger.fell_short(said.segment_id, terms.lang, shortfall)
                stage = "TTS" if translated else "MT"
                await self._shared.account.outbox.put(
                    messages.degraded(stage, terms.lang, "QUARANTINED", said.segment_id)
                )
        return missed, seed

    def _missed(self, lang: str) -> tuple[Sequence[Transcript], TargetContinuation]:
        """Where a target goes on, and the transcripts it is yet to hear.

        One that was here before goes on with its voice's clock alone. One that is set later, though the client knows
        it, goes on with the first segment that the client has something of.
        """
        account, goes_on = self._shared.account, self._shared.goes_on
        seed = TargetContinuation(voice_samples=account.ledger.delivery.voice_samples(lang))
        if lang in account.langs:
            return (), seed
        account.langs.add(lang)
        account.measures.began(lang)
        seed = replace(goes_on.targets.get(lang, seed), voice_samples=seed.voice_samples)
        agreed = [each.lang for each in self._shared.terms.targets]
        first = 0 if lang in agreed else min(seed.segments, default=sys.maxsize)
        missed = [said for said in goes_on.transcripts if said.segment_id >= first]
        for said in missed:
            account.ledger.opened(said)
            account.ledger.recognized(said, [lang])
        return missed, seed

    async def passed(self, mark: Mark) -> None:
        """Send a mark to all targets in force, behind what they have heard."""
        mark.left = len(self._in_force)
        for target in self._in_force.values():
            await target.hear(mark)

    async def interrupt(self, lang: str) -> None:
        """Drops the speech not sent yet of a language, or of all. Raises InvalidArgument for one that is no target."""
        wanted = [languages.require(lang, self._in_force, "control.target_lang")] if lang else [*self._in_force]
        for target in self._here:
            if target.terms.lang in wanted:
                await target.interrupt()

    async def end_transcripts(self) -> None:
        """End all targets: there will be no more transcripts."""
        for target in self._here:
            await target.end_transcripts()

    def _begin(self, target: Target) -> None:
        self._here = [each for each in self._here if not each.ended.is_set()]
        earlier = [each for each in self._here if each.terms.lang == target.terms.lang]
        self._in_force[target.terms.lang] = target
        self._here.append(target)
        self._tasks.create_task(target.run(earlier[-1] if earlier else None))

    async def _take_out(self, wanted: Sequence[TargetTerms]) -> None:
        self._in_force = {lang: target for lang, target in self._in_force.items() if target.terms in wanted}
        langs = {terms.lang for terms in wanted}
        for hearing in self._hearing.values():
            hearing.update({lang: None for lang in hearing if lang not in langs})
        await self._let_go()

    async def _make_room(self, lang: str) -> None:
        """Take the targets of a language out of the open segments, once too many wait for those to end."""
        waiting = [each for each in self._here if each.terms.lang == lang and not each.ended.is_set()]
        if len(waiting) >= MOST_WAITING:
            for hearing in self._hearing.values():
                if hearing.get(lang) in waiting:
                    hearing[lang] = None
            await self._let_go()

    async def _let_go(self) -> None:
        """Ends the targets that are not in force, and hear no open segment to its end."""
        hearing = [target for each in self._hearing.values() for target in each.values()]
        for target in self._here:
            if target not in hearing and target not in self._in_force.values():
                await target.leave()

    def _has_left_open(self, lang: str) -> bool:
        return any(lang in hearing and hearing[lang] is None for hearing in self._hearing.values())
