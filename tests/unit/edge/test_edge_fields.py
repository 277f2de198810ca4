"""JSON into messages of the contract, and back."""

from __future__ import annotations

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.edge.fields import filled
from services.edge.plain import plain

WRONG: list[tuple[object, str, str]] = [
    ([], "WRONG_TYPE", "s"),
    ({"source_lang": 1}, "WRONG_TYPE", "s.source_lang"),
    ({"colour": 1}, "UNKNOWN_FIELD", "s"),
    ({"targets": {}}, "WRONG_TYPE", "s.targets"),
    ({"targets": [5]}, "WRONG_TYPE", "s.targets[0]"),
    ({"targets": [{"speaking_rate": "fast"}]}, "WRONG_TYPE", "s.targets[0].speaking_rate"),
    ({"targets": [{"speaking_rate": 10**400}]}, "WRONG_TYPE", "s.targets[0].speaking_rate"),
    ({"targets": [{"delivery": "post"}]}, "UNKNOWN_VALUE", "s.targets[0].delivery"),
    ({"mask_pii": 1}, "WRONG_TYPE", "s.mask_pii"),
    ({"heartbeat_ms": True}, "WRONG_TYPE", "s.heartbeat_ms"),
    ({"heartbeat_ms": 2**70}, "WRONG_TYPE", "s.heartbeat_ms"),
    ({"glossary": {"terms": [{"translations": {"es": 5}}]}}, "WRONG_TYPE", "s.glossary.terms[0].translations.es"),
    ({"source_lang": "\ud800"}, "WRONG_TYPE", "s.source_lang"),
]


@pytest.mark.parametrize(("value", "code", "field"), WRONG, ids=[each[2] + " " + each[1] for each in WRONG])
def test_what_a_field_cannot_hold_is_refused_by_its_place(value: object, code: str, field: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        filled(pb.SessionConfig(), value, "s")
    assert (caught.value.code, caught.value.field) == (code, field)
    assert caught.value.accepted


def test_an_object_becomes_a_message_and_a_message_the_same_object() -> None:
    told = {
        "source_lang": "en",
        "targets": [{"lang": "es", "delivery": "captions", "speaking_rate": 1.5}],
        "stabilization": "fast",
        "glossary": {"terms": [{"source": "a", "translations": {"es": "b"}}]},
    }
    assert plain(filled(pb.SessionConfig(), told, "s")) == told


def test_a_value_of_an_enum_may_have_its_whole_name_and_null_is_unset() -> None:
    config = filled(pb.SessionConfig(), {"stabilization": "STABILIZATION_FAST", "targets": None}, "s")
    assert config.stabilization == pb.STABILIZATION_FAST
