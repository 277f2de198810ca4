"""Converts between the contract's messages and the stage's values."""

from __future__ import annotations

from collections.abc import Sequence

from mesh.tts.v1 import tts_pb2
from services.common.errors import InvalidArgument, quoted
from services.common.text import ipa, languages
from services.tts.engine import Clause, Pronunciation, Voice
from services.tts.speeds import Offer
from services.tts.tiered import Turn, Wanted

SLOWEST, FASTEST = 0.5, 2.0
MOST_OBJECTIVE_MS = 60_000
MOST_PRONUNCIATIONS = 1_000
LONGEST_TERM = 1_000  # characters: as long as a gateway can be set to let it be


def clause(request: tts_pb2.SynthesizeRequest, voices: Sequence[Voice], max_chars: int) -> Clause:
    """Return the clause of a request. Raises InvalidArgument naming the field that is wrong."""
    _require_length(request.text, max_chars, "text")
    if not any(char.isprintable() and not char.isspace() for char in request.text):
        raise InvalidArgument("TEXT_EMPTY", "There is nothing to speak.", field="text")
    voice = _voice(request.lang, request.voice, voices)
    if len(request.pronunciations) > MOST_PRONUNCIATIONS:
        many = f"{len(request.pronunciations)} pronunciations are too many."
        raise InvalidArgument("TOO_MANY_PRONUNCIATIONS", many, "pronunciations", [f"up to {MOST_PRONUNCIATIONS}"])
    for index, told in enumerate(request.pronunciations):
        _require_length(told.text, LONGEST_TERM, f"pronunciations[{index}].text")
        _require_length(told.ipa, LONGEST_TERM, f"pronunciations[{index}].ipa")
    said = tuple(Pronunciation(each.text.strip(), each.ipa) for each in request.pronunciations)
    for index, each in enumerate(said):
        if not any(char.isalnum() for char in each.text):
            missing = "There is nothing to pronounce."
            raise InvalidArgument("TEXT_EMPTY", missing, f"pronunciations[{index}].text", ["words of the text"])
    return Clause(request.text, voice, _speaking_rate(request.speaking_rate), said, request.affinity)


def _require_length(text: str, most: int, field: str) -> None:
    if len(text) > most:
        long = f"{len(text)} characters are too many."
        raise InvalidArgument("TEXT_TOO_LONG", long, field=field, accepted=[f"up to {most} characters"])


def wanted(request: tts_pb2.SynthesizeRequest) -> Wanted:
    """Return a request's wishes on the tier. Raises InvalidArgument for an objective that is out of range."""
    if request.objective_ms > MOST_OBJECTIVE_MS:
        outside = f"{request.objective_ms} is out of range."
        raise InvalidArgument("OUT_OF_RANGE", outside, "objective_ms", [f"1 to {MOST_OBJECTIVE_MS}", "0"])
    return Wanted(request.objective_ms, request.tier, request.any_voice or not request.voice)


def piece(turn: Turn, pcm: bytes) -> tts_pb2.SynthesizeResponse:
    """Return a piece of a clause's speech as a SynthesizeResponse."""
    rate = turn.engine.sample_rate_hertz
    symbols = turn.clause.tally.symbols
    return tts_pb2.SynthesizeResponse(
        pcm=pcm, sample_rate_hertz=rate, tier=turn.tier, larger_tiers=turn.larger, symbols=symbols
    )


def described(offer: Offer) -> tts_pb2.Voice:
    """Return an offered voice as a Voice message."""
    return tts_pb2.Voice(
        name=offer.voice.name,
        lang=offer.voice.language,
        engine=offer.engine,
        neural=offer.neural,
        real_time_factor=offer.real_time_factor,
        slow=offer.slow,
        default_langs=offer.default_languages,
    )


def require_symbols(asked: Clause, symbols: Sequence[str]) -> None:
    """Raise InvalidArgument naming a pronunciation with a symbol that the engine lacks."""
    for index, each in enumerate(asked.pronunciations):
        if message := ipa.complaint(each.ipa, symbols):
            path = f"pronunciations[{index}].ipa"
            raise InvalidArgument("UNKNOWN_SYMBOL", message, path, [*symbols, *ipa.STRESSES])


def _voice(language: str, name: str, voices: Sequence[Voice]) -> Voice:
    """Return the named voice, of any region of the language; without a name, the default of the nearest region."""
    tag = languages.require(language, (voice.language for voice in voices), "lang")
    if not name:
        return next(voice for voice in voices if voice.language == tag)
    speaking = [voice for voice in voices if languages.same(voice.language, tag)]
    for voice in speaking:
        if voice.name == name:
            return voice
    unknown = f"{quoted(name)} is no voice of {tag}."
    raise InvalidArgument("UNKNOWN_VOICE", unknown, field="voice", accepted=[voice.name for voice in speaking])


def _speaking_rate(rate: float) -> float:
    if rate == 0:
        return 1.0
    if not SLOWEST <= rate <= FASTEST:  # never true of a NaN
        accepted = [f"{SLOWEST} to {FASTEST}", "0"]
        raise InvalidArgument("OUT_OF_RANGE", f"{rate:g} cannot be spoken.", field="speaking_rate", accepted=accepted)
    return rate
