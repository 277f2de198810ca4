from __future__ import annotations

import langcodes
import pytest
from langcodes import language_distance

from services.common import languages
from services.common.errors import InvalidArgument


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


def test_a_refusal_names_the_field_and_what_is_there() -> None:
    with pytest.raises(InvalidArgument) as refused:
        languages.require("pt", ["fr", "es", "es"], "hello.targets[0].lang")
    assert refused.value.field == "hello.targets[0].lang"
    assert list(refused.value.accepted) == ["es", "fr"]
    assert refused.value.code == "UNKNOWN_LANGUAGE"


@pytest.mark.parametrize(
    ("one", "other", "alike"), [("en-US", "en-GB", True), ("zh", "zh-TW", True), ("pt", "es", False)]
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
