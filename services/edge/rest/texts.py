"""Translation of texts: `/v1/translate`, and the forms that DeepL's and vLLM's clients send."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument
from services.edge import measures
from services.edge.doors.entrance import Doors
from services.edge.doors.tokens import Spoken
from services.edge.faults import Fault
from services.edge.fields import Json, as_list, as_text, filled, given
from services.edge.glossary import add_dictionary, formality_of
from services.edge.plain import plain
from services.edge.rest import body
from services.edge.upstream import Caller

_MOST_TEXTS = 50  # of one request
_MASKS = ("mask_pii", "mask_profanity", "masking")
_PLAIN = ("source_lang", "target_lang", "target_langs", "text", "dictionary", "glossary", "formality", *_MASKS)
_DEEPL = ("text", "source_lang", "target_lang", "formality", "dictionary", "show_billed_characters", "model_type")
_VLLM = ("text", "input", "source_language", "target_language", "model")
DEEPL = Spoken(schemes=("bearer", "deepl-auth-key"))


@dataclass(frozen=True, slots=True)
class Answered:
    """Translations of a text, in the order of their targets."""

    translations: Sequence[pb.TextTranslation]
    not_honoured: tuple[str, ...] = ()


class Texts:
    """Serves the translation of texts without a session."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def translate(self, request: Request) -> Response:
        """Answer `/v1/translate`: one text into one language or several."""
        began = time.perf_counter()
        caller = self._entered(request)
        asked = await body.values(request, self._doors.settings.max_body_bytes)
        wanted = _request(asked)
        answered = await self._answered(wanted, caller, strict=False)
        told: dict[str, object] = {"translation": answered.translations[0].text}
        if "target_langs" in asked:
            told["translations"] = {each.target_lang: each.text for each in answered.translations}
        if uses := [plain(use) for each in answered.translations for use in each.glossary]:
            told["glossary"] = uses
        if answered.not_honoured:
            told["not_honoured"] = list(answered.not_honoured)
        measures.answered("/v1/translate")
        return JSONResponse({**told, "latency_ms": round(1000 * (time.perf_counter() - began), 1)})

    async def deepl(self, request: Request) -> Response:
        """Answer `/v2/translate`: texts into one language, as DeepL's clients ask."""
        caller = self._entered(request, DEEPL)
        asked = await body.values(request, self._doors.settings.max_body_bytes)
        _require_known(asked, _DEEPL)
        source = _named(asked, "source_lang")
        register = str(asked.get("formality") or "")
        told: dict[str, object] = {"source_lang": source, "target_lang": _named(asked, "target_lang")}
        told |= {name: asked[name] for name in ("formality", "dictionary") if name in asked}
        found = []
        for text in _texts(asked, "text"):
            answered = await self._answered(_request({**told, "text": text}), caller, register in ("more", "less"))
            found.append({"detected_source_language": source.upper(), "text": answered.translations[0].text})
        measures.answered("/v2/translate")
        return JSONResponse({"translations": found})

    async def vllm(self, request: Request) -> Response:
        """Answer `/v1/translations`: a text with `source_language` and `target_language`."""
        caller = self._entered(request)
        asked = await body.values(request, self._doors.settings.max_body_bytes)
        _require_known(asked, _VLLM)
        as_text(asked.get("model", ""), "model")
        if "text" in asked and "input" in asked:
            raise InvalidArgument("TEXTS_TWICE", "Name the text once.", "input", ["text alone", "input alone"])
        told = {"source_lang": _named(asked, "source_language"), "target_lang": _named(asked, "target_language")}
        found = []
        for text in _texts(asked, "text" if "text" in asked else "input"):
            answered = await self._answered(_request({**told, "text": text}), caller, strict=True)
            found.append(answered.translations[0].text)
        measures.answered("/v1/translations")
        return JSONResponse({"text": found[0], "translations": [{"text": each} for each in found]})

    def _entered(self, request: Request, spoken: Spoken | None = None) -> Caller:
        caller = self._doors.caller(request, spoken) if spoken else self._doors.caller(request)
        self._doors.clients.requested(caller.name)
        return caller

    async def _answered(self, wanted: pb.TranslateTextRequest, caller: Caller, strict: bool) -> Answered:
        """Translate; without the register where the server has none, unless it is insisted on. Raises Fault."""
        try:
            return Answered((await self._doors.gateway.translate(wanted, caller)).translations)
        except Fault as fault:
            if strict or fault.code != "NO_FORMALITY":
                raise
        wanted.formality = pb.FORMALITY_UNSPECIFIED
        return Answered((await self._doors.gateway.translate(wanted, caller)).translations, ("formality",))


def _request(asked: Json) -> pb.TranslateTextRequest:
    _require_known(asked, _PLAIN)
    if "target_lang" in asked and "target_langs" in asked:
        raise InvalidArgument(
            "TARGETS_TWICE", "Name one target, or all of them in target_langs.", "target_langs", ["one of both"]
        )
    many = as_list(asked.get("target_langs", [asked.get("target_lang", "")]), "target_langs")
    request = pb.TranslateTextRequest(
        text=as_text(asked.get("text", ""), "text"),
        source_lang=_named(asked, "source_lang"),
        target_langs=[as_text(each, f"target_langs[{index}]") for index, each in enumerate(many)],
    )
    if asked.get("glossary") is not None:
        filled(request.glossary, asked["glossary"], "glossary")
    if asked.get("dictionary") is not None:
        add_dictionary(request.glossary, asked["dictionary"], list(request.target_langs), "dictionary")
    request.formality = formality_of(asked.get("formality", ""), "formality")
    return filled(request, {name: asked[name] for name in _MASKS if name in asked}, "")


def _require_known(asked: Json, known: Sequence[str]) -> None:
    for name in asked:
        if name not in known:
            raise InvalidArgument("UNKNOWN_FIELD", "There is no such field here.", name[:64], list(known))


def _named(asked: Json, name: str) -> str:
    value = as_text(given(asked, name, ""), name)
    if not value:
        raise InvalidArgument(
            "LANGUAGE_MISSING", "It names a language: texts are too short to tell.", name, ["en, es ..."]
        )
    return value


def _texts(asked: Json, name: str) -> Sequence[str]:
    given = asked.get(name, "")
    many = given if isinstance(given, list) else [given]
    if not 1 <= len(many) <= _MOST_TEXTS:
        raise InvalidArgument("TEXT_COUNT", "It has too few texts, or too many.", name, [f"1 to {_MOST_TEXTS}"])
    return [as_text(each, f"{name}[{index}]") for index, each in enumerate(many)]
