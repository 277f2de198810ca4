"""How versions of a model share the sessions."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from services.common.engines.versions import Version, Versions

SESSIONS = 10_000


def _versions(*weights: tuple[str, float], serves: str = "en>es") -> Versions[str, str]:
    versions: Versions[str, str] = Versions()
    for name, weight in weights:
        versions.add(serves, Version("opus", name, serves, weight, name))
    return versions


def _of_each(versions: Versions[str, str], serves: str = "en>es") -> list[str]:
    return [versions.pick(serves, affinity).version for affinity in range(SESSIONS)]


@pytest.mark.parametrize("weights", [(0.8, 0.2), (4, 1), (1, 1), (0.99, 0.01), (1, 1, 2)])
def test_sessions_are_shared_by_the_weights(weights: tuple[float, ...]) -> None:
    versions = _versions(*((str(index), weight) for index, weight in enumerate(weights)))
    counts = Counter(_of_each(versions))
    for index, weight in enumerate(weights):
        share = weight / sum(weights)
        # Five standard deviations of a binomial: what chance does once in two million times.
        assert abs(counts[str(index)] - share * SESSIONS) < 5 * math.sqrt(SESSIONS * share * (1 - share))


@pytest.mark.parametrize("spread", [1, 2, 1 << 20, 1 << 50])
def test_shares_hold_however_the_numbers_of_sessions_are_made(spread: int) -> None:
    versions = _versions(("1", 0.8), ("2", 0.2))
    count = sum(versions.pick("en>es", number * spread).version == "2" for number in range(SESSIONS))
    assert abs(count - 0.2 * SESSIONS) < 5 * math.sqrt(SESSIONS * 0.2 * 0.8)


def test_a_session_keeps_its_version_on_a_replica_that_lists_them_in_another_order() -> None:
    one, other = _versions(("1", 0.8), ("2", 0.2)), _versions(("2", 0.2), ("1", 0.8))
    assert _of_each(one) == _of_each(other)


def test_who_tries_one_thing_new_is_not_who_tries_the_other() -> None:
    pair, voice = _versions(("1", 1), ("2", 1)), _versions(("1", 1), ("2", 1), serves="es")
    both = sum(a == b == "2" for a, b in zip(_of_each(pair), _of_each(voice, "es"), strict=True))
    assert abs(both - SESSIONS / 4) < 5 * math.sqrt(SESSIONS * 0.25 * 0.75)


def test_the_largest_number_is_a_session_too() -> None:
    assert _versions(("1", 1), ("2", 1)).pick("en>es", (1 << 64) - 1).version in ("1", "2")


def test_what_no_version_serves_is_not_picked() -> None:
    with pytest.raises(KeyError):
        _versions(("1", 1)).pick("en>fr")


def test_what_versions_did_is_reported_with_their_shares() -> None:
    versions = _versions(("1", 3), ("2", 1))
    (first, second) = (version for version, _ in versions.reported())
    first.answered(confidence=0.5, length_ratio=1.0)
    first.answered(confidence=1.0, length_ratio=2.0)
    second.failed()
    reported = [(each.version, share, each.calls, each.failures, each.means) for each, share in versions.reported()]
    assert reported == [
        ("1", 0.75, 2, 0, {"confidence": 0.75, "length_ratio": 1.5}),
        ("2", 0.25, 0, 1, {}),
    ]
