"""From what a client asks for to what is agreed: every field is honoured, filled in or refused by name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, Unsupported, quoted
from services.common.text import languages
from services.gateway.agreement.bounds import chosen, require_range
from services.gateway.agreement.budget import BUDGETS_MS, MOST_EASE_MS, Shares, spent
from services.gateway.agreement.masking_rules import agree_masks
from services.gateway.agreement.targeting import agree_formality, agree_targets, wanted_targets
from services.gateway.settings import GatewaySettings
from services.gateway.values.stages import Catalog
from services.gateway.values.terms import (
    FORMATS,
    OPUS_RATES,
    OUTPUT_FORMATS,
    RATES,
    Holding,
    Objectives,
    OverloadPolicy,
    Sound,
    Terms,
)

SILENCES_MS = range(200, 3001)
SEGMENTS_MS = range(2000, 30_001)
HEARTBEATS_MS = range(200, 10_001)
OUTPUT_RATE = 24_000  # samples per second, unless the client asks for another
_HOLDING = {
    pb.STABILIZATION_FAST: Holding("agreement", held_words=0, masked_words=1),
    pb.STABILIZATION_BALANCED: Holding("agreement", held_words=1, masked_words=4, first_words=3),
    pb.STABILIZATION_AGGRESSIVE: Holding("agreement", held_words=4, masked_words=8),
    pb.STABILIZATION_WHOLE_SEGMENTS: Holding("endpointed", held_words=0, masked_words=0),
}
_CONSECUTIVE = {
    pb.TURN_TAKING_UNSPECIFIED: False,
    pb.TURN_TAKING_SIMULTANEOUS: False,
    pb.TURN_TAKING_CONSECUTIVE: True,
}
AUTO = "auto"
MOST_SOURCES = 10  # that a client may list
_FIELD = "hello.source_lang"
_FIELDS = "hello.source_langs"


def within_budget(hello: pb.SessionConfig, settings: GatewaySettings) -> GatewaySettings:
    """The settings as a session's latency budget shortens them. Raises InvalidArgument."""
    if shares := _shares(hello, settings):
        lag_ms = min(settings.max_lag_ms, shares.max_lag_ms)
        return settings.model_copy(update={"trailing_silence_ms": shares.trailing_silence_ms, "max_lag_ms": lag_ms})
    return settings


def _shares(hello: pb.SessionConfig, settings: GatewaySettings) -> Shares | None:
    if not hello.latency_budget_ms:
        return None
    require_range(hello.latency_budget_ms, BUDGETS_MS, "hello.latency_budget_ms")
    return spent(hello.latency_budget_ms, settings.trailing_silence_ms)


def agree(hello: pb.SessionConfig, session_id: str, catalog: Catalog, settings: GatewaySettings) -> Terms:
    """The terms of a session, `settings` being those within its budget.

    Raises InvalidArgument or Unsupported naming the field and what it accepts.
    """
    require_range(hello.protocol_version, range(2), "hello.protocol_version")
    sources = agree_sources(hello, catalog)
    shares = _shares(hello, settings)
    stabilization = _stabilization(hello, settings, shares)
    endpointing, path = hello.endpointing, "hello.endpointing"
    return Terms(
        session_id=session_id,
        source_lang=sources[0],
        source_langs=sources if len(sources) > 1 else (),
        masks=agree_masks(hello, sources, settings),
        recognized=sources[0] in catalog.source_langs,
        wideband=bool(set(sources) & set(catalog.wideband_langs)),
        targets=agree_targets(wanted_targets(hello, settings), sources, catalog, settings),
        interim=hello.partial_results,
        stabilization=stabilization,
        holding=_holding(stabilization, settings),
        output=_output(hello.output),
        latency_budget_ms=hello.latency_budget_ms,
        interim_timeout_ms=shares.interim_timeout_ms if shares else 0,
        ease_ms=shares.ease_ms if shares else MOST_EASE_MS,
        batch_wait_ms=shares.batch_wait_ms if shares else None,
        objectives=shares.objectives if shares else Objectives(),
        consecutive=_consecutive(hello),
        overload=_overload(hello),
        stage_outage_ms=settings.stage_outage_ms,
        input=_input(hello),
        heartbeat_ms=_heartbeat(hello.heartbeat_ms),
        least_silence_ms=endpointing.trailing_silence_ms,  # what a client asks for is not adapted
        trailing_silence_ms=chosen(
            endpointing.trailing_silence_ms, settings.trailing_silence_ms, SILENCES_MS, f"{path}.trailing_silence_ms"
        ),
        max_segment_ms=chosen(
            endpointing.max_segment_ms, settings.max_segment_ms, SEGMENTS_MS, f"{path}.max_segment_ms"
        ),
    )


def _stabilization(
    hello: pb.SessionConfig, settings: GatewaySettings, shares: Shares | None
) -> pb.Stabilization.ValueType:
    whole = hello.stabilization == pb.STABILIZATION_WHOLE_SEGMENTS
    if hello.stabilization and not whole and settings.policy != "agreement":
        message = f"This server's policy is {settings.policy!r}, which has no stabilization."
        raise Unsupported("NOT_IMPLEMENTED", message, "hello.stabilization", ["unset", "STABILIZATION_WHOLE_SEGMENTS"])
    if hello.stabilization not in (pb.STABILIZATION_UNSPECIFIED, *_HOLDING):
        known = [pb.Stabilization.Name(each) for each in _HOLDING]
        raise InvalidArgument("UNKNOWN_VALUE", f"{hello.stabilization} has no meaning.", "hello.stabilization", known)
    if hello.stabilization:
        return hello.stabilization
    return pb.Stabilization.ValueType(shares.stabilization) if shares else pb.STABILIZATION_BALANCED


def _holding(stabilization: int, settings: GatewaySettings) -> Holding:
    """What a stabilization means; the server's policy decides but where whole segments are asked for."""
    holding = _HOLDING[pb.Stabilization.ValueType(stabilization)]
    return holding if stabilization == pb.STABILIZATION_WHOLE_SEGMENTS else replace(holding, policy=settings.policy)


def _consecutive(hello: pb.SessionConfig) -> bool:
    if hello.turn_taking not in _CONSECUTIVE:
        known = [pb.TurnTaking.Name(each) for each in _CONSECUTIVE]
        raise InvalidArgument("UNKNOWN_VALUE", f"{hello.turn_taking} has no meaning.", "hello.turn_taking", known)
    return _CONSECUTIVE[hello.turn_taking]


def _overload(hello: pb.SessionConfig) -> OverloadPolicy:
    if hello.overload not in pb.OverloadPolicy.values():
        known = pb.OverloadPolicy.keys()
        raise InvalidArgument("UNKNOWN_VALUE", f"{hello.overload} has no meaning.", "hello.overload", known)
    return OverloadPolicy(hello.overload or OverloadPolicy.BLOCK)


def require_sound(sound_format: str, sample_rate: int, path: str, formats: Iterable[str] = FORMATS) -> Sound:
    """A format and rate that can be decoded, or sent. Raises InvalidArgument naming the one that cannot."""
    if sound_format not in formats:
        message = f"{quoted(sound_format)} is no format."
        raise InvalidArgument("UNKNOWN_FORMAT", message, f"{path}.format", tuple(formats))
    if sound_format == "opus" and sample_rate not in OPUS_RATES:
        accepted = [str(rate) for rate in OPUS_RATES]
        raise InvalidArgument("BAD_SAMPLE_RATE", f"Opus has no {sample_rate} Hz.", f"{path}.sample_rate", accepted)
    require_range(sample_rate, RATES, f"{path}.sample_rate", "BAD_SAMPLE_RATE")
    return Sound(sound_format, sample_rate)


def _input(hello: pb.SessionConfig) -> Sound | None:
    if not hello.HasField("input"):
        return None
    return require_sound(hello.input.format or "pcm16le", hello.input.sample_rate, "hello.input")


def _heartbeat(wanted_ms: int) -> int:
    if wanted_ms:
        require_range(wanted_ms, HEARTBEATS_MS, "hello.heartbeat_ms")
    return wanted_ms


def _output(wanted: pb.AudioFormat) -> Sound:
    rate = wanted.sample_rate or OUTPUT_RATE
    return require_sound(wanted.format or "pcm16le", rate, "hello.output", OUTPUT_FORMATS)


def agree_text(request: pb.TranslateTextRequest, catalog: Catalog, settings: GatewaySettings) -> list[str]:
    """Return the languages to translate into. Raises InvalidArgument or Unsupported naming the field."""
    limit = settings.max_text_length
    if not 0 < len(request.text.strip()) <= limit:
        message = f"The text has {len(request.text.strip())} code points."
        raise InvalidArgument("TEXT_LENGTH", message, "text", [f"1 to {limit}"])
    languages.require(request.source_lang, [source for source, _ in catalog.pairs], "source_lang")
    limit = settings.max_targets
    if not 0 < len(request.target_langs) <= limit:
        message = f"{len(request.target_langs)} targets were asked for."
        raise InvalidArgument("TARGET_COUNT", message, "target_langs", [f"1 to {limit}"])
    available = catalog.target_langs(request.source_lang)
    wanted = [
        languages.require(lang, available, f"target_langs[{index}]") for index, lang in enumerate(request.target_langs)
    ]
    for lang in wanted:
        agree_formality(request.formality, (catalog.spoken_lang(request.source_lang), lang), "formality", catalog)
    return wanted


def agree_sources(hello: pb.SessionConfig, catalog: Catalog) -> tuple[str, ...]:
    """The source languages of a session, as the recognizer calls them, the default first.

    Raises InvalidArgument naming the field and what it accepts.
    """
    if hello.source_langs:
        return _listed(hello, catalog)
    if hello.source_lang == AUTO:
        return _any(hello, catalog)
    return (catalog.require_source(hello.source_lang, heard=hello.HasField("input")),)


def _listed(hello: pb.SessionConfig, catalog: Catalog) -> tuple[str, ...]:
    if len(hello.source_langs) > MOST_SOURCES:
        message = f"{len(hello.source_langs)} languages are listed."
        raise InvalidArgument("SOURCE_COUNT", message, _FIELDS, [f"1 to {MOST_SOURCES} languages"])
    found: list[str] = []
    for index, tag in enumerate(hello.source_langs):
        path = f"{_FIELDS}[{index}]"
        known = catalog.require_source(tag, heard=len(hello.source_langs) > 1 or hello.HasField("input"), path=path)
        if known in found:
            raise InvalidArgument("SOURCE_REPEATED", f"{quoted(tag)} is listed twice.", path, ["each once"])
        found.append(known)
    if hello.source_lang and not languages.resolve(hello.source_lang, found[:1]):
        message = "Both source_lang and source_langs are set, and the first of the list is another one."
        raise InvalidArgument("SOURCES_TWICE", message, _FIELD, ["unset", found[0]])
    if len(found) > 1:
        for index, lang in enumerate(found):
            _require_identified(lang, f"{_FIELDS}[{index}]", catalog)
    return tuple(found)


def _require_identified(lang: str, path: str, catalog: Catalog) -> None:
    if lang not in catalog.identified:
        why = f"{lang!r} is not told from other languages here. The engines of one recognition service would have to"
        message = f"{why} recognize and identify all that are listed."
        raise InvalidArgument("NOT_IDENTIFIED", message, path, catalog.identified or ["one language"])


def _any(hello: pb.SessionConfig, catalog: Catalog) -> tuple[str, ...]:
    """All languages that are told apart, and translated into every target or the same."""
    if not catalog.identified:
        message = "The recognizer here does not tell languages apart."
        raise InvalidArgument("NOT_IDENTIFIED", message, _FIELD, catalog.source_langs)
    wanted = [hello.target_lang] if hello.target_lang else [target.lang for target in hello.targets]
    for lang in wanted:
        languages.require(lang, {*catalog.identified, *(target for _, target in catalog.pairs)}, "hello.targets")
    found = tuple(source for source in catalog.identified if all(_reaches(source, lang, catalog) for lang in wanted))
    if not found:
        message = "No language that is told from others is translated into all targets."
        raise InvalidArgument("NOT_IDENTIFIED", message, _FIELD, catalog.source_langs)
    return found


def _reaches(source: str, target: str, catalog: Catalog) -> bool:
    return languages.resolve(target, [source, *catalog.target_langs(source)]) is not None
