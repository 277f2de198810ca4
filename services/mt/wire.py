"""Between the contract's messages and the stage's own values."""

from __future__ import annotations

from collections.abc import Sequence

from mesh.mt.v1 import mt_pb2
from services.common import languages
from services.common.errors import InvalidArgument
from services.mt.engine import Pair, Source


def source_text(request: mt_pb2.TranslateRequest, pairs: Sequence[Pair], max_chars: int) -> Source:
    """What a message asks to translate. Raises InvalidArgument naming the field that is wrong."""
    if not any(char.isprintable() and not char.isspace() for char in request.text):
        raise InvalidArgument("TEXT_EMPTY", "There is nothing to translate.", field="text")
    if len(request.text) > max_chars:
        long = f"{len(request.text)} characters are too many."
        raise InvalidArgument("TEXT_TOO_LONG", long, field="text", accepted=[f"up to {max_chars} characters"])
    pair = _pair(request.source_lang, request.target_lang, pairs)
    return Source(request.text, pair, request.final, request.target_prefix)


def _pair(source_lang: str, target_lang: str, pairs: Sequence[Pair]) -> Pair:
    source = languages.require(source_lang, (pair.source for pair in pairs), "source_lang")
    targets = (pair.target for pair in pairs if pair.source == source)
    return Pair(source, languages.require(target_lang, targets, "target_lang", code="UNKNOWN_PAIR"))
