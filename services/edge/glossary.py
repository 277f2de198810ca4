"""Dictionaries and registers, as clients of JSON write them."""

from __future__ import annotations

from collections.abc import Sequence

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, quoted
from services.edge.fields import as_object, as_text

_FORMALITY = {
    "": pb.FORMALITY_UNSPECIFIED,
    "default": pb.FORMALITY_UNSPECIFIED,
    "formal": pb.FORMALITY_FORMAL,
    "more": pb.FORMALITY_FORMAL,
    "prefer_more": pb.FORMALITY_FORMAL,
    "informal": pb.FORMALITY_INFORMAL,
    "casual": pb.FORMALITY_INFORMAL,
    "less": pb.FORMALITY_INFORMAL,
    "prefer_less": pb.FORMALITY_INFORMAL,
}


def add_dictionary(glossary: pb.Glossary, value: object, langs: Sequence[str], path: str) -> None:
    """Add the terms of a dictionary, source to translation, to a glossary; the translations are for all of `langs`."""
    for source, translation in as_object(value, path).items():
        required = as_text(translation, f"{path}.{source[:64]}")
        glossary.terms.add(source=as_text(source, path), translations=dict.fromkeys(langs, required))


def formality_of(value: object, path: str) -> pb.Formality.ValueType:
    """Return the register that a word stands for. Raises InvalidArgument."""
    word = as_text(value, path)
    if word.lower() not in _FORMALITY:
        accepted = [each for each in _FORMALITY if each]
        raise InvalidArgument("UNKNOWN_VALUE", f"There is no {quoted(word)} here.", path, accepted)
    return _FORMALITY[word.lower()]
