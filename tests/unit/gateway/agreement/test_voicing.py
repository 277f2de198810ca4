"""The voice of a target, and why it is this one."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.agreement.negotiation import agree
from services.gateway.agreement.targeting import choice
from services.gateway.outgoing.messages import ready
from services.gateway.settings import GatewaySettings
from services.gateway.values.stages import Catalog, CatalogVoice, Way

ESPEAK = CatalogVoice("es", "es", "embedded")
SLOW = CatalogVoice("ef_dora", "es", "kokoro", neural=True, real_time_factor=0.913, slow=True)
FAST = CatalogVoice("ef_dora", "es", "kokoro", neural=True, real_time_factor=0.21)
PORTUGAL = CatalogVoice("pt", "pt", "embedded")
BRAZIL = CatalogVoice("pf_dora", "pt-BR", "kokoro", neural=True, real_time_factor=0.2)


def catalog(*voices: CatalogVoice) -> Catalog:
    return Catalog(("en",), (Way("en", "es"), Way("en", "pt")), voices, (), voice_pace=0.25)


def voiced(*voices: CatalogVoice, lang: str = "es", voice: str = "") -> pb.TargetVoice:
    hello = pb.SessionConfig(source_lang="en", targets=[pb.Target(lang=lang, voice=voice)])
    terms = agree(hello, "s", catalog(*voices), GatewaySettings())
    [told] = ready(terms, GatewaySettings()).ready.voices
    return told


def test_ready_says_why_the_neural_voice_does_not_speak() -> None:
    told = voiced(ESPEAK, SLOW)
    assert (told.target_lang, told.voice, told.engine) == ("es", "es", "embedded")
    assert told.reason == "ef_dora would take 0.91 \u00d7 real time here; 0.25 is the most for a default"


def test_ready_says_how_fast_a_voice_is() -> None:
    told = voiced(FAST, ESPEAK)
    assert (told.voice, told.engine) == ("ef_dora", "kokoro")
    assert round(told.real_time_factor, 2) == 0.21
    assert told.reason == "keeps pace, takes 0.21 \u00d7 real time here"


def test_a_voice_that_is_asked_for_speaks_however_slow() -> None:
    told = voiced(ESPEAK, SLOW, voice="ef_dora")
    assert told.voice == "ef_dora"
    assert told.reason == "asked for, takes 0.91 \u00d7 real time here"


def test_a_mesh_without_neural_voices_has_nothing_to_explain() -> None:
    assert voiced(ESPEAK).reason == ""


def test_a_neural_voice_of_any_region_speaks_a_language_without_one() -> None:
    assert voiced(PORTUGAL, BRAZIL, lang="pt").voice == "pf_dora"
    assert [voice.name for voice in catalog(PORTUGAL, BRAZIL).voices("pt-PT")] == ["pt", "pf_dora"]


def test_settings_of_the_synthesizer_choose_the_default() -> None:
    told = CatalogVoice("em_alex", "es", "kokoro", neural=True, real_time_factor=0.9, slow=True, default_langs=("es",))
    assert voiced(ESPEAK, SLOW, told).reason == "set as the default, takes 0.90 \u00d7 real time here"


def test_the_only_voice_of_a_language_speaks_it() -> None:
    assert (
        choice([SLOW], SLOW, False, 0.25).reason
        == "no other voice speaks the language, takes 0.91 \u00d7 real time here"
    )
