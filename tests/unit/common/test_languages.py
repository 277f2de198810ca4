from __future__ import annotations

import langcodes
import pytest
from langcodes import language_distance

from services.common.errors import InvalidArgument
from services.common.text import languages


@pytest.mark.parametrize(
    ("asked", "available", "found"),
    [
        ("es", ["es", "ca"], "es"),
        ("zh", ["zh-CN", "ja"], "zh-CN"),
        ("zh-CN", ["zh"], "zh"),
        ("zh-Hans", ["zh-CN", "zh-TW"], "zh-CN"),
        ("zh-TW", ["zh-CN", "zh-TW"], "zh-TW"),
        ("en", ["en-US"], "en-US"),
        ("en-GB", ["en-US", "es"], "en-US"),
        ("en-GB", ["en-US", "en-GB"], "en-GB"),
        ("es-MX", ["es"], "es"),
        ("EN-us", ["en-US"], "en-US"),
        ("eng", ["en-US"], "en-US"),
        ("pt", ["es"], None),
        ("ca", ["es"], None),
        ("gl", ["pt", "es"], None),
        ("es", [], None),
        ("", ["es"], None),
        ("und", ["es"], None),
        ("not a tag", ["es"], None),
    ],
)
def test_a_tag_finds_its_own_language_and_no_other(asked: str, available: list[str], found: str | None) -> None:
    assert languages.resolve(asked, available) == found


@pytest.mark.parametrize(
    ("asked", "neighbour"),
    [
        ("lb", "de"),
        ("gsw", "de"),
        ("gsw-CH", "de-CH"),
        ("hr", "bs"),
        ("bs", "hr"),
        ("sr-Latn", "hr"),
        ("hr", "sr-Latn"),
        ("sh", "hr"),
        ("wuu", "zh"),
        ("nan", "zh-CN"),
        ("nan-TW", "zh-TW"),
        ("hak", "zh"),
        ("yue", "zh"),
        ("yue-HK", "zh-HK"),
        ("zh", "yue"),
        ("zh-yue", "zh"),
        ("zh-min-nan", "zh"),
        ("nn", "nb"),
        ("da", "nb"),
    ],
)
def test_a_neighbour_is_not_the_language(asked: str, neighbour: str) -> None:
    """CLDR's distances would match most of these: a reader may do with the other, a recognizer does not."""
    assert languages.resolve(asked, [neighbour]) is None
    assert not languages.same(asked, neighbour)


@pytest.mark.parametrize(
    ("asked", "available"),
    [
        ("pt-BR", "pt"),
        ("pt", "pt-BR"),
        ("de-CH", "de"),
        ("de-AT", "de-DE"),
        ("en-US", "en"),
        ("es-419", "es"),
        ("zh-Hans", "zh"),
        ("zh-Hant", "zh-TW"),
        ("zh-SG", "zh-CN"),
        ("cmn", "zh"),
        ("zh", "cmn"),
        ("cmn-Hans-CN", "zh"),
        ("yue-HK", "yue"),
        ("no", "nb"),
        ("nb-NO", "no"),
        ("sr-Latn", "sr"),
        ("sr-Cyrl", "sr-Latn"),
        ("sh", "sr"),
        ("hr-BA", "hr"),
        ("ar-EG", "ar"),
        ("arb", "ar"),
        ("fa-AF", "fa"),
        ("pes", "fa"),
        ("fil", "tl"),
        ("tl", "fil"),
        ("zsm", "ms"),
        ("swh", "sw"),
        ("ro-MD", "ro"),
        ("iw", "he"),
        ("deu", "de"),
    ],
)
def test_regions_scripts_and_other_names_still_match(asked: str, available: str) -> None:
    assert languages.resolve(asked, ["fr", available, "multi"]) == available


def test_a_refusal_names_the_field_and_what_is_there() -> None:
    with pytest.raises(InvalidArgument) as refused:
        languages.require("pt", ["fr", "es", "es"], "hello.targets[0].lang")
    assert refused.value.field == "hello.targets[0].lang"
    assert list(refused.value.accepted) == ["es", "fr"]
    assert refused.value.code == "UNKNOWN_LANGUAGE"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [("en-US", "en-GB", True), ("zh", "zh-TW", True), ("no", "nb", True), ("pt", "es", False)],
)
def test_regions_do_not_make_another_language(one: str, other: str, alike: bool) -> None:
    assert languages.same(one, other) is alike


@pytest.mark.parametrize(
    ("tag", "written"),
    [("EN-us", "en-US"), ("es", "es"), ("zh-hant-tw", "zh-Hant-TW"), ("multi", ""), ("und", ""), ("", "")],
)
def test_a_tag_is_written_as_bcp_47_does(tag: str, written: str) -> None:
    assert languages.written(tag) == written


@pytest.mark.parametrize("tag", ["es-" + "-".join(["abcdefgh"] * 2000), "a" * 1_000_000, "es-" + "x" * 33])
def test_a_tag_longer_than_any_real_one_is_refused_unread(tag: str) -> None:
    """The library that knows tags calls itself for each subtag: a long one ended the process."""
    assert languages.resolve(tag, ["es"]) is None
    assert languages.written(tag) == ""
    with pytest.raises(InvalidArgument) as refused:
        languages.require(tag, ["es"], "hello.source_lang")
    assert "at most 35" in refused.value.message
    assert len(refused.value.message) < 200


def test_tags_of_strangers_are_not_remembered_for_ever() -> None:
    """Langcodes keeps every tag that it was ever asked about."""
    for number in range(20_000):
        languages.resolve(f"es-x-{number:08d}", ["es", "fr"])
    kept = (langcodes.Language._PARSE_CACHE, langcodes.Language._INSTANCES, language_distance._DISTANCE_CACHE)
    assert all(len(table) < 10_000 for table in kept)
