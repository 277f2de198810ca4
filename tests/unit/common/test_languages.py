from __future__ import annotations

import pytest

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
