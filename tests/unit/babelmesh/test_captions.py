from __future__ import annotations

from babelmesh.cli.captions import Captions, Languages
from realtime.v1 import realtime_translate_pb2 as pb

LANGUAGES = Languages.agreed(
    "en", ["es", "ca"], pb.Ready(config=pb.SessionConfig(targets=[pb.Target(lang="es-ES"), pb.Target(lang="ca")]))
)


def _heard(text: str, segment_id: int = 1, **more: object) -> pb.AsrResult:
    return pb.AsrResult(text=text, segment_id=segment_id, **more)  # type: ignore[arg-type]  # fields by name


def test_the_stable_prefix_is_concluded_and_the_rest_tentative() -> None:
    caption = Captions(LANGUAGES).take(_heard("good morning wor", stable_length=12))
    assert caption is not None
    assert (caption.concluded, caption.tentative) == ("good morning", " wor")


def test_code_points_are_counted_not_bytes() -> None:
    caption = Captions(LANGUAGES).take(_heard("mañana será", stable_length=6))
    assert caption is not None
    assert caption.concluded == "mañana"


def test_a_final_is_concluded_as_a_whole() -> None:
    caption = Captions(LANGUAGES).take(_heard("Good morning.", final=True))
    assert caption is not None
    assert (caption.concluded, caption.tentative) == ("Good morning.", "")


def test_a_corrected_final_replaces_what_had_been_concluded() -> None:
    captions = Captions(LANGUAGES)
    captions.take(_heard("wreck a nice beach", stable_length=18))
    captions.take(_heard("Recognize speech.", final=True, corrected=True))
    assert [caption.text for caption in captions.of("en")] == ["Recognize speech."]


def test_translations_lie_under_the_name_the_user_gave_the_language() -> None:
    captions = Captions(LANGUAGES)
    captions.take(pb.TranslationResult(text="Hola.", segment_id=1, target_lang="es-ES", final=True))
    captions.take(pb.TranslationResult(text="Ara.", segment_id=1, target_lang="fr", final=True))
    assert [caption.text for caption in captions.of("es")] == ["Hola."]
    assert [caption.text for caption in captions.of("fr")] == ["Ara."]


def test_segments_stand_in_their_order_and_withdrawn_ones_are_left_out() -> None:
    captions = Captions(LANGUAGES)
    for segment_id, text in ((3, "three"), (1, "one"), (2, "two"), (2, "")):
        captions.take(_heard(text, segment_id))
    assert [caption.text for caption in captions.of("en")] == ["one", "three"]


def test_a_segment_starts_where_its_transcript_says() -> None:
    captions = Captions(LANGUAGES)
    captions.take(_heard("one", start_ms=1200))
    assert (captions.start_ms(1), captions.start_ms(2)) == (1200, 0)


def test_other_events_are_no_captions() -> None:
    assert Captions(LANGUAGES).take(pb.Ack()) is None


def test_where_several_languages_are_spoken_each_transcript_says_its_own() -> None:
    ready = pb.Ready(config=pb.SessionConfig(source_langs=["en-US", "es"], targets=[pb.Target(lang="es")]))
    several = Languages.agreed("en+es", ["es"], ready)
    caption = Captions(several).take(_heard("hola", lang="es"))
    assert caption is not None
    assert (caption.lang, caption.spoken) == ("en+es", "es")
    one = Captions(LANGUAGES).take(_heard("hello", lang="en-US"))
    assert one is not None
    assert not one.spoken
