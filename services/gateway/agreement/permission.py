"""Holds what was agreed against what the caller's token grants: languages, voices, and terms of its own."""

from __future__ import annotations

from collections.abc import Sequence

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.tokens.grants import Grant
from services.gateway.values.terms import TargetTerms, Terms


def require_hello(grant: Grant, hello: pb.SessionConfig, terms: Terms) -> None:
    """Raise PermissionDenied where a hello asks for what a token does not grant."""
    path = "hello.source_langs" if hello.source_langs else "hello.source_lang"
    for lang in terms.spoken_langs:
        grant.require_language(lang, path)
    require_targets(grant, terms.targets, "hello.target_lang" if hello.target_lang else "hello.targets")
    grant.require_own_terms(hello.glossary.terms, "hello.glossary.terms")


def require_targets(grant: Grant, targets: Sequence[TargetTerms], path: str) -> None:
    """Raise PermissionDenied for a target in a language, or with a voice, that a token does not grant."""
    for index, target in enumerate(targets):
        place = path if path == "hello.target_lang" else f"{path}[{index}]"
        grant.require_language(target.lang, place if place == path else f"{place}.lang")
        grant.require_voice(target.voice, place if place == path else f"{place}.voice")


def require_text(grant: Grant, request: pb.TranslateTextRequest, source: str, targets: Sequence[str]) -> None:
    """Raise PermissionDenied where a text is from, or to go into, a language that a token does not grant."""
    grant.require_language(source, "source_lang")
    for index, lang in enumerate(targets):
        grant.require_language(lang, f"target_langs[{index}]")
    grant.require_own_terms(request.glossary.terms, "glossary.terms")
