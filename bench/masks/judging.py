"""Sentences with what is to be found in them, and how well it was found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.gateway.masking.kinds import CORE, PROFANITY, Span

_HERE = Path(__file__).parent
# The first two were written before the masks; the others before and apart from the code that they were first tried on.
OWN = tuple(_HERE / f"entities{name}.jsonl" for name in ("", "-others", "-people", "-people-later"))
NOT_MASKED = _HERE / "not-masked.jsonl"  # postal addresses and words of health, written apart from the code as well
MASKED = (*CORE, PROFANITY)
_NAMES = {
    "credit_card": "card",
    "phone_number": "phone",
    "telephone": "phone",
    "ip_address": "ip",
    "dob": "birth_date",
    "date_of_birth": "birth_date",
    "id": "national_id",
    "ssn": "national_id",
    "address": "postal_address",
}  # what others call kinds
_WORD = re.compile(r"\w+")
# What may stand at the ends of what somebody marks, and says nothing of anybody.
_EMPTY = frozenset(
    [
        "the",
        "a",
        "an",
        "on",
        "of",
        "in",
        "is",
        "el",
        "la",
        "los",
        "las",
        "de",
        "del",
        "en",
        "es",
        "o",
        "a",
        "os",
        "as",
        "da",
        "do",
        "em",
        "é",
    ]
)
_MOST_BEYOND = 3  # words that a span may hold beside what it is there for


@dataclass(frozen=True, slots=True)
class Entity:
    """A stretch of a sentence that is to be hidden."""

    kind: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, its language and form ("spoken" or "written"), and what is in it."""

    lang: str
    form: str
    text: str
    entities: Sequence[Entity]


@dataclass(slots=True)
class Score:
    """How many entities of one sort there are and were hidden, and how many spans there are and are right."""

    wanted: int = 0
    hidden: int = 0
    spans: int = 0
    right: int = 0

    @property
    def recall(self) -> float:
        """The share of entities that were hidden."""
        return self.hidden / self.wanted if self.wanted else 1.0

    @property
    def precision(self) -> float:
        """The share of spans that hide an entity."""
        return self.right / self.spans if self.spans else 1.0


@dataclass(slots=True)
class Scores:
    """Scores by kind, language and form."""

    by: dict[tuple[str, str, str], Score] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)  # missed, or too much

    def of(self, kind: str, sentence: Sentence) -> Score:
        """The score of a kind in sentences such as this one."""
        return self.by.setdefault((kind, sentence.lang, sentence.form), Score())

    def total(self, kinds: Iterable[str] = MASKED) -> Score:
        """All scores of some kinds together."""
        every = [score for (kind, _, _), score in self.by.items() if kind in kinds]
        return Score(*(sum(getattr(score, name) for score in every) for name in Score.__slots__))


def read(paths: Iterable[Path]) -> list[Sentence]:
    """The sentences of files; entities are found in their text from left to right."""
    lines = [line for path in paths if path.exists() for line in path.read_text(encoding="utf-8").splitlines()]
    return [_sentence(json.loads(line)) for line in lines if line.strip()]


def _sentence(told: dict[str, object]) -> Sentence:
    text, entities, end = str(told["text"]), list[Entity](), 0
    listed = told["entities"]
    assert isinstance(listed, list)
    for each in listed:
        start = text.find(each["text"], end)
        start = start if start >= 0 else text.find(each["text"])
        assert start >= 0, text
        end = start + len(each["text"])
        entities.append(Entity(_NAMES.get(each["kind"], each["kind"]), start, end))
    return Sentence(str(told["lang"]), str(told["form"]), text, entities)


def judge(sentence: Sentence, spans: Sequence[Span], scores: Scores) -> None:
    """Count what was hidden of a sentence, and what else was."""
    for entity in sentence.entities:
        score = scores.of(entity.kind, sentence)
        score.wanted += 1
        score.hidden += (hidden := not list(_left(sentence.text, entity, spans)))
        if not hidden and entity.kind in MASKED:
            scores.failures.append(
                f"missed {entity.kind}: {sentence.text[entity.start : entity.end]} | {sentence.text}"
            )
    for span in spans:
        score = scores.of(span.kind, sentence)
        score.spans += 1
        score.right += (right := _is_right(sentence, span))
        if not right:
            scores.failures.append(f"wrong {span.kind}: {sentence.text[span.start : span.end]} | {sentence.text}")


def _left(text: str, entity: Entity, spans: Sequence[Span]) -> Iterator[str]:
    """Yield the words of an entity that are not hidden, but for articles at its ends."""
    words = [(each.start() + entity.start, each.group()) for each in _WORD.finditer(text[entity.start : entity.end])]
    while words and words[0][1].lower() in _EMPTY:
        words.pop(0)
    while words and words[-1][1].lower() in _EMPTY:
        words.pop()
    for start, word in words:
        if not any(span.start <= start and start + len(word) <= span.end for span in spans):
            yield word


def _is_right(sentence: Sentence, span: Span) -> bool:
    entities = [each for each in sentence.entities if each.start < span.end and span.start < each.end]
    words = [
        (each.start() + span.start, each.end() + span.start)
        for each in _WORD.finditer(sentence.text[span.start : span.end])
    ]
    beyond = [start for start, end in words if not any(each.start < end and start < each.end for each in entities)]
    return bool(entities) and len(beyond) <= _MOST_BEYOND
