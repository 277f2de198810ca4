"""What a gateway can do, for clients: the answer to Describe."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.agreement.masking_rules import known_kinds
from services.gateway.masking.profanity import profanities
from services.gateway.outgoing import closed, messages
from services.gateway.settings import GatewaySettings
from services.gateway.values.stages import Catalog, Way
from services.gateway.values.terms import FORMATS, OUTPUT_FORMATS


def described(catalog: Catalog, settings: GatewaySettings, glossaries: Sequence[str]) -> pb.DescribeResponse:
    """The languages, voices and engines of the stages, what is taken in and given out, and the names of glossaries."""
    return pb.DescribeResponse(
        source_langs=catalog.source_langs,
        pairs=[_language_pair(way) for way in catalog.ways],
        voices=[
            pb.Voice(
                name=voice.name,
                lang=voice.lang,
                default=catalog.voices(voice.lang)[0] == voice,
                engine=voice.engine,
                real_time_factor=voice.real_time_factor,
            )
            for voice in catalog.all_voices
        ],
        engines=[
            pb.EngineInfo(
                stage=closed.stage(engine.stage),
                engine=engine.name,
                version=engine.version,
                follows_glossary=engine.follows_glossary,
                device=engine.device,
            )
            for engine in catalog.engines
        ],
        input_formats=FORMATS,
        output_formats=OUTPUT_FORMATS,
        limits=messages.limits(settings),
        glossaries=glossaries,
        identified_langs=catalog.identified,
        wideband_langs=catalog.wideband_langs,
        server_version=_own_version(),
        mask_kinds=known_kinds(),
        profanity_langs=profanities(settings.profanity).langs,
    )


def _language_pair(way: Way) -> pb.LanguagePair:
    """A pair of languages, with the steps in which it is translated."""
    steps = [
        pb.TranslationStep(source_lang=step.source, target_lang=step.target, engine=step.engine) for step in way.steps
    ]
    formalities = map(pb.Formality.ValueType, way.formalities)
    return pb.LanguagePair(source_lang=way.source, target_lang=way.target, steps=steps, formalities=formalities)


def _own_version() -> str:
    try:
        return version("babelmesh")
    except PackageNotFoundError:  # its code runs from a folder that nobody has installed
        return ""
