"""TranslateText: what is asked for, checked against what the mesh has. Pure."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb
from services.common import languages
from services.common.errors import InvalidArgument, Unsupported
from services.gateway.catalog import Catalog
from services.gateway.settings import GatewaySettings


def agree_text(request: pb.TranslateTextRequest, catalog: Catalog, settings: GatewaySettings) -> list[str]:
    """Return the languages to translate into. Raises InvalidArgument or Unsupported naming the field."""
    if request.formality:
        raise Unsupported("NOT_IMPLEMENTED", "This server does not have it yet.", "formality", ["unset"])
    limit = settings.max_text_length
    if not 0 < len(request.text.strip()) <= limit:
        message = f"The text has {len(request.text.strip())} code points."
        raise InvalidArgument("TEXT_LENGTH", message, "text", [f"1 to {limit}"])
    languages.require(request.source_lang, [source for source, _ in catalog.pairs], "source_lang")
    limit = settings.max_targets
    if not 0 < len(request.target_langs) <= limit:
        message = f"{len(request.target_langs)} targets were asked for."
        raise InvalidArgument("TARGET_COUNT", message, "target_langs", [f"1 to {limit}"])
    available = catalog.target_langs(request.source_lang)
    return [
        languages.require(lang, available, f"target_langs[{index}]") for index, lang in enumerate(request.target_langs)
    ]
