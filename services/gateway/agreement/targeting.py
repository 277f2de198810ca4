"""The targets of a session: each is honoured as it is asked for, whatever of its languages is spoken, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, Unsupported, quoted
from services.common.text import languages
from services.gateway.agreement.bounds import chosen
from services.gateway.settings import GatewaySettings
from services.gateway.values.stages import Catalog, CatalogVoice
from services.gateway.values.terms import Choice, TargetTerms

LAGS_MS = range(1000, 600_001)


def agree_targets(
    wanted: list[tuple[str, pb.Target]], sources: Sequence[str], catalog: Catalog, settings: GatewaySettings
) -> tuple[TargetTerms, ...]:
    """The terms of each target, given with the path of its field, for each source language that may be spoken.

    Raises InvalidArgument or Unsupported naming the field and what it accepts.
    """
    require_targets(len(wanted), settings)
    agreed: list[TargetTerms] = []
    for path, target in wanted:
        terms = _whichever_spoken(target, path, sources, catalog)
        if terms.speech:
            max_lag_ms = chosen(target.max_lag_ms, settings.max_lag_ms, LAGS_MS, f"{path}.max_lag_ms")
            terms = replace(terms, max_lag_ms=max_lag_ms, lag_asked=target.max_lag_ms > 0)
        if any(terms.lang == other.lang for other in agreed):
            raise InvalidArgument("TARGET_REPEATED", f"{quoted(terms.lang)} is asked for twice.", path, ["each once"])
        agreed.append(terms)
    return tuple(agreed)


def require_targets(count: int, settings: GatewaySettings, path: str = "targets") -> None:
    """Raises InvalidArgument for no target, or more than a session may have."""
    if not 1 <= count <= settings.max_targets:
        accepted = [f"1 to {settings.max_targets} targets"]
        raise InvalidArgument("TARGET_COUNT", f"{count} targets were asked for.", path, accepted)


def wanted_targets(hello: pb.SessionConfig, settings: GatewaySettings) -> list[tuple[str, pb.Target]]:
    """The targets that a hello asks for, each with the path of its field. Raises InvalidArgument."""
    if hello.target_lang and hello.targets:
        message = "Both target_lang and targets are set."
        raise InvalidArgument("TARGETS_TWICE", message, "hello.target_lang", ["one of the two"])
    if hello.target_lang:
        return [("hello.target_lang", pb.Target(lang=hello.target_lang))]
    require_targets(len(hello.targets), settings)
    return [(f"hello.targets[{index}]", target) for index, target in enumerate(hello.targets)]


def _whichever_spoken(target: pb.Target, path: str, sources: Sequence[str], catalog: Catalog) -> TargetTerms:
    """What is agreed for a target, whatever is spoken: what it is to speech in another language, if it ever is that."""
    if len(sources) == 1:
        return _target(target, path, sources[0], catalog)
    others = [source for source in sources if not languages.resolve(target.lang, [source])]
    by_source = {source: _target(target, path, source, catalog) for source in others}
    if not others:  # several regions of the target's own language
        by_source = {source: _target(target, path, source, catalog) for source in sources}
        return replace(by_source[sources[0]], by_source=tuple(by_source.items()))
    widest = by_source[others[0]]
    bare = pb.Target(lang=target.lang, same_language=target.same_language)  # a voice is for the other languages
    for source in sources:
        if source not in by_source:
            same = _same_language(bare, path, source, catalog)
            by_source[source] = replace(same, captions=same.captions and widest.captions)
    return replace(widest, by_source=tuple((source, by_source[source]) for source in sources))


def _target(target: pb.Target, path: str, source: str, catalog: Catalog) -> TargetTerms:
    lang_path = path if path == "hello.target_lang" else f"{path}.lang"
    available = catalog.target_langs(source)
    if target.same_language not in pb.SameLanguage.values():
        message = f"{target.same_language} has no meaning."
        raise InvalidArgument("UNKNOWN_VALUE", message, f"{path}.same_language", pb.SameLanguage.keys())
    if languages.resolve(target.lang, [source]):
        return _same_language(target, path, source, catalog)
    lang = _way(target.lang, source, available, lang_path)
    formality = agree_formality(target.formality, (catalog.spoken_lang(source), lang), f"{path}.formality", catalog)
    if target.delivery not in pb.Delivery.values():
        raise InvalidArgument(
            "UNKNOWN_VALUE", f"{target.delivery} has no meaning.", f"{path}.delivery", pb.Delivery.keys()
        )
    captions = target.delivery != pb.DELIVERY_SPEECH
    voices = catalog.voices(lang)
    if target.delivery == pb.DELIVERY_CAPTIONS or (not voices and target.delivery == pb.DELIVERY_UNSPECIFIED):
        return replace(_captions_only(target, catalog.spoken_lang(source), lang, path), formality=formality)
    names = [voice.name for voice in voices]
    if not voices or target.voice not in ("", *names):
        message = f"{lang!r} has no voice {quoted(target.voice)}." if voices else f"No voice speaks {lang!r}."
        raise InvalidArgument("UNKNOWN_VOICE", message, f"{path}.voice" if voices else f"{path}.delivery", names)
    if target.speaking_rate and not 0.5 <= target.speaking_rate <= 2.0:
        message = f"{target.speaking_rate:g} is no speaking rate."
        raise InvalidArgument("OUT_OF_RANGE", message, f"{path}.speaking_rate", ["0.5 to 2.0"])
    voice = next((voice for voice in voices if voice.name == target.voice), voices[0])
    spoken = catalog.spoken_lang(source)
    why = choice(voices, voice, bool(target.voice), catalog.voice_pace)
    voiced = TargetTerms(lang, spoken, captions, True, voice.name, voice.lang, target.speaking_rate or 1.0, why=why)
    return replace(voiced, voice_asked=bool(target.voice), formality=formality)


def agree_formality(wanted: int, pair: tuple[str, str], path: str, catalog: Catalog) -> int:
    """The register of a pair's translations, as the contract numbers it.

    Raises InvalidArgument for a number without meaning, and Unsupported, with those that the pair has.
    """
    if wanted not in pb.Formality.values():
        raise InvalidArgument("UNKNOWN_VALUE", f"{wanted} has no meaning.", path, pb.Formality.keys())
    has = catalog.formalities(*pair)
    if wanted and wanted not in has:
        message = f"Translations from {pair[0]!r} into {pair[1]!r} cannot be put into this register here."
        accepted = [pb.Formality.Name(pb.Formality.ValueType(each)) for each in (0, *has)]
        raise Unsupported("NO_FORMALITY", message, path, accepted)
    return wanted


def _way(wanted: str, source: str, available: list[str], path: str) -> str:
    """The target language that is meant. Raises InvalidArgument, with those there is a way into from the source."""
    if not available:
        message = f"{source!r} is recognized, and not translated: ask for {source!r} itself, with same_language."
        raise InvalidArgument("UNKNOWN_LANGUAGE", message, path)
    if languages.written(wanted) and not languages.resolve(wanted, available):
        message = f"There is no way from {source!r} into {quoted(wanted)}."
        raise InvalidArgument("UNKNOWN_LANGUAGE", message, path, available)
    return languages.require(wanted, available, path)


def _same_language(target: pb.Target, path: str, source: str, catalog: Catalog) -> TargetTerms:
    """A target that is spoken already: nothing is translated for it, and no voice speaks."""
    if not target.same_language:
        lang_path = path if path == "hello.target_lang" else f"{path}.lang"
        available = catalog.target_langs(source)
        message = f"{quoted(target.lang)} is the language spoken, and same_language is not set."
        raise InvalidArgument("TARGET_IS_SOURCE", message, lang_path, available)
    if target.formality:
        message = "What is not translated has no other register."
        raise InvalidArgument("FIELD_NOT_READ", message, f"{path}.formality", ["FORMALITY_UNSPECIFIED"])
    if target.delivery == pb.DELIVERY_SPEECH and target.same_language == pb.SAME_LANGUAGE_PASS_THROUGH:
        message = "The speaker is heard already: what passes through is captions."
        accepted = ["DELIVERY_UNSPECIFIED", "DELIVERY_CAPTIONS_AND_SPEECH", "DELIVERY_CAPTIONS"]
        raise InvalidArgument("CAPTIONS_HAVE_NO_VOICE", message, f"{path}.delivery", accepted)
    terms = _captions_only(target, source, source, path)
    shown = target.same_language == pb.SAME_LANGUAGE_PASS_THROUGH
    return replace(terms, same_language=target.same_language, captions=shown)


def _captions_only(target: pb.Target, spoken: str, lang: str, path: str) -> TargetTerms:
    for name in ("voice", "speaking_rate", "max_lag_ms"):
        if getattr(target, name):
            message = "Captions alone have no voice."
            raise InvalidArgument("CAPTIONS_HAVE_NO_VOICE", message, f"{path}.{name}", ["unset"])
    return TargetTerms(lang, spoken, captions=True, speech=False)


def choice(voices: Sequence[CatalogVoice], voice: CatalogVoice, asked: bool, pace: float) -> Choice:
    """Why a voice speaks, of those of its language, the default first."""
    return Choice(voice.engine, voice.real_time_factor, _reason(voices, voice, asked, pace))


def _reason(voices: Sequence[CatalogVoice], voice: CatalogVoice, asked: bool, pace: float) -> str:
    if asked:
        return f"asked for{_speed(voice)}"
    if voice.default_langs:
        return f"set as the default{_speed(voice)}"
    if voice.keeps_pace:
        return f"keeps pace{_speed(voice)}"
    better = next((each for each in voices if each.slow), None)
    if better is None:
        return ""
    most = f"{pace:g} is the most for a default"
    if voice.slow:
        return f"no other voice speaks the language{_speed(voice)}"
    return f"{better.name} would take {_times(better.real_time_factor)} here; {most}"


def _speed(voice: CatalogVoice) -> str:
    return f", takes {_times(voice.real_time_factor)} here" if voice.real_time_factor else ""


def _times(factor: float) -> str:
    return f"{factor:.2f} \u00d7 real time"
