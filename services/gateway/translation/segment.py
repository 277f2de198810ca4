"""One segment in one target language, as far as it has got. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.common.audio.pcm import ASR_RATE
from services.gateway.agreement.glossary import Dictionary, Lexicon
from services.gateway.translation.policy import Policy, TargetText, policy_of
from services.gateway.values.continuation import Continuation, SegmentContinuation, TargetContinuation
from services.gateway.values.speech import Caption, Rung, Transcript
from services.gateway.values.terms import Glossary, Holding
from services.gateway.voice.clauses import Clauses

PAUSE_SAMPLES = ASR_RATE // 5  # less silence ends no segment: what follows is the same utterance


@dataclass(slots=True)
class Segment:
    """The text, what of it was said, and what the client of a resumed session had of both."""

    text: TargetText
    clauses: Clauses
    revision: int = 0
    said: Transcript | None = None  # what the newest revision was made from
    source: str = ""  # what of it was translated
    spoken_length: int = 0  # so many code points of the translation went to the voice
    begun: SegmentContinuation | None = None  # its clause that was begun is to be said to its end, before all else
    had: Caption | None = None  # the final that the client has
    rung: Rung = field(default_factory=Rung)  # the tier that translates it
    lexicon: Lexicon | None = None  # of the glossary below
    glossary: Glossary | None = None  # that was in force when it was translated last


def new_segment(policy: Policy, lang: str, seed: SegmentContinuation | None = None) -> Segment:
    """A segment from its beginning, or from where `seed` left it.

    Its text may not have been sent, only its speech: what was said is concluded too.
    """
    if seed is None:
        return Segment(TargetText(policy), Clauses(lang))
    said = " ".join([*seed.spoken.split(), *seed.speaking.split()])
    concluded = max(" ".join(seed.text.split()), said, key=len)
    return Segment(
        TargetText(policy, concluded),
        Clauses(lang),
        revision=seed.revision,
        spoken_length=len(said),
        begun=seed if seed.speaking else None,
        had=Caption(concluded, len(concluded), final=True) if seed.final else None,
    )


class Segments:
    """The segments that are open, or under translation; and those that a resumed session's client knows."""

    def __init__(self, lang: str, holding: Holding, dictionary: Dictionary, seed: TargetContinuation) -> None:
        self._lang = lang
        self._dictionary = dictionary
        self.policy = policy_of(holding)
        self.utterances = Utterances()
        self.open: dict[int, Segment] = {}  # by number; see `of`
        self._seeds = dict(seed.segments)

    def of(self, said: Transcript) -> Segment:
        """The segment that a transcript is a revision of."""
        number = said.segment_id
        if number not in self.open:
            self.open[number] = new_segment(self.policy, self._lang, self._seeds.pop(number, None))
            self.open[number].said = said
        return self.open[number]

    def close(self, said: Transcript) -> None:
        """Forget a segment whose final has been dealt with."""
        self.open.pop(said.segment_id, None)

    def begun(self, goes_on: Continuation) -> list[tuple[Transcript, Segment]]:
        """The open segments that a client has something of and no final, each with what it was made from."""
        known = {said.segment_id: said for said in (goes_on.open_transcript, goes_on.open_typed) if said}
        for number in [*self._seeds]:
            nothing = Transcript(number, revision=0, final=False, text="", stable_length=0, typed=True)
            self.of(known.get(number, nothing))
        opened = [each for _, each in sorted(self.open.items()) if each.revision or each.text.concluded]
        return [(each.said, each) for each in opened if each.said and not each.had]

    def lexicon(self, segment: Segment, said: Transcript) -> Lexicon:
        """The glossary in force, for the segment that a transcript is a revision of."""
        segment.glossary = self._dictionary.glossary
        segment.lexicon = self._dictionary.of(self._lang, said.language)
        return segment.lexicon


class Utterances:
    """Groups segments into utterances, each of which is spoken by one voice. Pure."""

    def __init__(self) -> None:
        self._rung = Rung()
        self._segment_id = 0
        self._end_samples: int | None = None

    def rung(self, said: Transcript) -> Rung:
        """The rung of the utterance that a transcript is of; transcripts are asked for in the order they are spoken."""
        if said.segment_id != self._segment_id:
            goes_on = self._end_samples is not None and not said.typed
            if not goes_on or said.start_samples - (self._end_samples or 0) >= PAUSE_SAMPLES:
                self._rung = Rung()
        self._segment_id = said.segment_id
        self._end_samples = None if said.typed else said.end_samples
        return self._rung
