"""What Wyoming's clients are told there is, and the sessions that their requests stand for. Pure.

A model is the recognizer, or the recognizer with a translation behind it, as the protocol has no event for that. A
voice speaks a translation: the gateway makes no speech of text that stays in its language.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.edge.fields import as_integer, as_object, as_text, given

NAME = "babelmesh"
_INTO = f"{NAME}-to-"
_RATES = (8000, 48_000)
VOICE_RATE = 24_000


def program_info(described: pb.DescribeResponse, lang: str) -> dict[str, object]:
    """Return the `info` of this server; `lang` is the language of the texts that are to be spoken."""
    sources = list(described.source_langs)
    into = sorted({pair.target_lang for pair in described.pairs})
    models = [_artifact(NAME, "Transcribes.", languages=sources)]
    models += [_artifact(f"{_INTO}{each}", f"Translates into {each}.", languages=sources) for each in into]
    voices = [
        _artifact(each.name, f"Speaks text of {lang} in {each.lang}.", languages=[each.lang], speakers=None)
        for each in _voices(described, lang)
    ]
    heard = _artifact(NAME, "Recognition of live speech.", models=models, supports_transcript_streaming=True)
    heard |= {"requires_external_vad": True, "prefers_auto_gain_enabled": False}
    spoken = _artifact(NAME, "Speech of translated text.", voices=voices, supports_synthesize_streaming=True)
    return {"asr": [heard], "tts": [spoken], "handle": [], "intent": [], "wake": [], "mic": [], "snd": []}


def _artifact(name: str, description: str, **rest: object) -> dict[str, object]:
    made_by = {"name": "Babelmesh", "url": ""}
    return {
        "name": name,
        "attribution": made_by,
        "installed": True,
        "description": description,
        "version": None,
        **rest,
    }


def listening(asked: Mapping[str, object], form: Mapping[str, object], default: str) -> pb.SessionConfig:
    """Return the session of a `transcribe` and the `audio-start` behind it. Raises InvalidArgument.

    `default` is the language where the first names none.
    """
    rate = as_integer(form.get("rate"), "rate", _RATES[0], _RATES[1] + 1)
    for name, accepted in (("width", 2), ("channels", 1)):
        if form.get(name) != accepted:
            raise InvalidArgument("UNKNOWN_FORMAT", "Audio is mono, 16 bits.", name, [str(accepted)])
    lang = as_text(given(asked, "language", default), "language")
    if not lang:
        raise InvalidArgument("LANGUAGE_MISSING", "Several languages are recognized here.", "language", ["en, es ..."])
    return pb.SessionConfig(
        source_lang=lang,
        targets=[_target(as_text(given(asked, "name", NAME), "name"), lang)],
        input=pb.AudioFormat(format="pcm16le", sample_rate=rate),
    )


def _target(model: str, lang: str) -> pb.Target:
    if model == NAME:
        through = pb.SAME_LANGUAGE_PASS_THROUGH
        return pb.Target(lang=lang, delivery=pb.DELIVERY_CAPTIONS, same_language=through)
    if not model.startswith(_INTO):
        raise InvalidArgument("UNKNOWN_MODEL", f"There is no {quoted(model)} here.", "name", [NAME, f"{_INTO}es ..."])
    return pb.Target(lang=model.removeprefix(_INTO), delivery=pb.DELIVERY_CAPTIONS)


def translates(config: pb.SessionConfig) -> bool:
    """Return whether a session of `listening` is asked for a translation, and not for what is said."""
    return config.targets[0].same_language != pb.SAME_LANGUAGE_PASS_THROUGH


def speaking(asked: object, described: pb.DescribeResponse, lang: str) -> pb.SessionConfig:
    """Return the session of a `synthesize` with this `voice`, of text in `lang`. Raises InvalidArgument."""
    told = as_object({} if asked is None else asked, "voice")
    name, wanted = (
        as_text(given(told, "name", ""), "voice.name"),
        as_text(given(told, "language", ""), "voice.language"),
    )
    there = _voices(described, lang)
    if name:
        fitting = [each for each in there if each.name == name]
    else:
        fitting = [each for each in there if each.default and (not wanted or _same(each.lang, wanted))]
    if not fitting:
        field, accepted = ("name", _of(there, "name")) if name else ("language", _of(there, "lang"))
        message = f"There is no such voice for text of {lang}: it is translated, then spoken."
        raise InvalidArgument("UNKNOWN_VOICE", message, f"voice.{field}", accepted)
    voice = fitting[0]
    return pb.SessionConfig(
        source_lang=lang,
        targets=[pb.Target(lang=voice.lang, voice=voice.name)],
        output=pb.AudioFormat(format="pcm16le", sample_rate=VOICE_RATE),
    )


def _voices(described: pb.DescribeResponse, lang: str) -> Sequence[pb.Voice]:
    """Return the voices of the languages that text of `lang` is translated into."""
    into = {pair.target_lang for pair in described.pairs if _same(pair.source_lang, lang)}
    return [each for each in described.voices if any(_same(each.lang, one) for one in into)]


def _of(voices: Iterable[pb.Voice], field: str) -> list[str]:
    return sorted({getattr(each, field) for each in voices})


def _same(one: str, other: str) -> bool:
    return one.partition("-")[0].lower() == other.replace("_", "-").partition("-")[0].lower()
