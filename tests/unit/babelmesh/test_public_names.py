"""What the package exports is complete, and says what it is to whoever asks `help`."""

from __future__ import annotations

import inspect

import babelmesh
from realtime.v1 import realtime_translate_pb2 as pb

EXPORTED = {name: getattr(babelmesh, name) for name in babelmesh.__all__}
UNION = "Event"  # of classes that have docstrings each


def test_all_that_configures_a_session_and_names_its_values_is_exported() -> None:
    assert {"AudioFormat", "Endpointing", "Glossary", "SessionConfig", "Target"} <= EXPORTED.keys()
    for name, enum in pb.DESCRIPTOR.enum_types_by_name.items():
        assert EXPORTED[name] is getattr(pb, name)
        assert {value.name: value.number for value in enum.values}.items() <= EXPORTED.items()


def test_every_exported_class_function_and_enum_has_a_docstring_of_its_own() -> None:
    for name, thing in EXPORTED.items():
        if isinstance(thing, int) or name == UNION:
            continue
        assert thing.__doc__, name
        assert thing.__doc__ != type(thing).__doc__, name
        for method, function in inspect.getmembers(thing, inspect.isfunction):
            assert method.startswith("_") or function.__doc__, f"{name}.{method}"


def test_an_enum_tells_what_its_values_mean() -> None:
    assert "DELIVERY_CAPTIONS: Translated text only." in str(babelmesh.Delivery.__doc__)
