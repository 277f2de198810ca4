"""The picture shows every arm, once."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from bench.sessions.plot import Point, picture, points, together

MEASURED: Any = {
    "tables": {
        "Quality": [{"arm": "fast", "to": "es", "chrF": 43.2}, {"arm": "fast", "to": "ca", "chrF": 40.0}],
        "Latency, seconds": [
            {"arm": "fast", "to": "es", "measure": "first word", "p50": 1.0},
            {"arm": "fast", "to": "es", "measure": "StreamLAAL computation-aware", "p50": 1.3},
        ],
    }
}


def test_points_are_of_one_language() -> None:
    assert points(MEASURED, "es") == [Point("fast", 1.3, 43.2)]


def test_arms_at_one_place_share_a_label() -> None:
    arms = [Point("a", 8.0, 47.0), Point("b", 8.05, 47.01), Point("c", 1.0, 43.0)]
    assert [arm.name for arm in together(arms)] == ["a, b", "c"]


def test_a_picture_is_well_formed_and_names_each_arm() -> None:
    root = ElementTree.fromstring(picture([Point("fast", 1.3, 43.2), Point("endpointed", 8.0, 47.6)]))
    labels = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"fast", "endpointed", "chrF"} <= set(labels)
    assert len(list(root.iter("{http://www.w3.org/2000/svg}circle"))) == 2
