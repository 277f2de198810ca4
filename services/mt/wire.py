"""Converts between the contract's messages and the stage's values."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from mesh.mt.v1 import mt_pb2
from services.common.errors import InvalidArgument
from services.common.text import languages
from services.common.text.terminology import Term, composed
from services.mt.engine import Pair, Source, Tokens
from services.mt.settings import MtSettings
from services.mt.ways import Way

LONGEST_TERM = 1_000  # characters: as long as a gateway can be set to let it be
MOST_OBJECTIVE_MS = 60_000
LONGEST_PREFIX = 50_000  # characters: whoever resumes a session may bring more of a text than it began with


def source_text(request: mt_pb2.TranslateRequest, pairs: Collection[Pair], settings: MtSettings) -> Source:
    """Return the source text of a request. Raises InvalidArgument naming the field that is wrong."""
    _require_length(request.text, settings.max_chars, "text")
    _require_length(request.target_prefix, LONGEST_PREFIX, "target_prefix")
    if not any(char.isprintable() and not char.isspace() for char in request.text):
        raise InvalidArgument("TEXT_EMPTY", "There is nothing to translate.", field="text")
    if request.objective_ms > MOST_OBJECTIVE_MS:
        outside = f"{request.objective_ms} is out of range."
        raise InvalidArgument("OUT_OF_RANGE", outside, "objective_ms", [f"1 to {MOST_OBJECTIVE_MS}", "0"])
    pair = _pair(request.source_lang, request.target_lang, pairs)
    return Source(
        request.text,
        pair,
        request.final,
        request.target_prefix,
        max_wait_ms=request.max_wait_ms if request.HasField("max_wait_ms") else None,
        terms=tuple(_terms(request.terms, settings)),
        affinity=request.affinity,
        session=0 if request.unstored else request.affinity,
        unstored=request.unstored,
    )


def _require_length(text: str, most: int, field: str) -> None:
    if len(text) > most:
        long = f"{len(text)} characters are too many."
        raise InvalidArgument("TEXT_TOO_LONG", long, field=field, accepted=[f"up to {most} characters"])


def language_pair(way: Way, formalities: Iterable[int]) -> mt_pb2.LanguagePair:
    """Return a pair with its way and its registers as a LanguagePair."""
    steps = [
        mt_pb2.Step(source_lang=step.pair.source, target_lang=step.pair.target, engine=step.engine)
        for step in way.steps
    ]
    return mt_pb2.LanguagePair(
        source_lang=way.pair.source,
        target_lang=way.pair.target,
        steps=steps,
        formalities=map(mt_pb2.Formality.ValueType, formalities),
    )


def token_counts(tokens: Tokens | None) -> dict[str, int]:
    """Return the fields of a TranslateResponse that tell token counts: none where they are unknown."""
    return {} if tokens is None else {"source_tokens": tokens.source, "target_tokens": tokens.target}


def require_formality(wanted: int, formalities: Iterable[int]) -> None:
    """Raises InvalidArgument for a register that a pair does not have."""
    has = [0, *formalities]
    if wanted not in has:
        names = [mt_pb2.Formality.Name(mt_pb2.Formality.ValueType(each)) for each in has]
        raise InvalidArgument("NO_FORMALITY", "The pair does not have this register.", "formality", names)


def _terms(terms: Sequence[mt_pb2.Term], settings: MtSettings) -> Iterator[Term]:
    if len(terms) > settings.max_terms:
        many = f"{len(terms)} terms are too many."
        raise InvalidArgument("TOO_MANY_TERMS", many, field="terms", accepted=[f"up to {settings.max_terms} terms"])
    for index, term in enumerate(terms):
        _require_length(term.source, LONGEST_TERM, f"terms[{index}].source")
        _require_length(term.translation, LONGEST_TERM, f"terms[{index}].translation")
        source, translation = composed(term.source.strip()), composed(term.translation.strip())
        if not any(char.isalnum() for char in source):
            raise InvalidArgument("TERM_EMPTY", "A term is missing.", f"terms[{index}].source", ["letters or digits"])
        yield Term(source, translation)


def _pair(source_lang: str, target_lang: str, pairs: Collection[Pair]) -> Pair:
    asked = Pair(source_lang, target_lang)
    if asked in pairs:  # as a gateway asks, which was told of them
        return asked
    source = languages.require(source_lang, (pair.source for pair in pairs), "source_lang")
    targets = (pair.target for pair in pairs if pair.source == source)
    return Pair(source, languages.require(target_lang, targets, "target_lang", code="UNKNOWN_PAIR"))
