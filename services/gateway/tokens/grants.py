"""What a token grants, and whether that is enough. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from services.common.errors import PermissionDenied, quoted

STREAM, TRANSLATE, DESCRIBE, GLOSSARY_WRITE, OPERATE = "stream", "translate", "describe", "glossary:write", "operate"
SCOPES = (STREAM, TRANSLATE, DESCRIBE, GLOSSARY_WRITE, OPERATE)
_ENOUGH = {DESCRIBE: (DESCRIBE, STREAM, TRANSLATE)}  # who may use what is there may ask what is there
AUTHORIZATION = "authorization"  # the key of the metadata that carries a token
DEFAULT_CLASS = "default"  # quota class of a token that names none
FOREVER = float("inf")


@dataclass(frozen=True, slots=True)
class Bounds:
    """The languages and voices that a token grants; None stands for all."""

    languages: tuple[str, ...] | None = None  # BCP-47 tags; "es" covers "es-MX"
    voices: tuple[str, ...] | None = None  # names, as `Target.voice` accepts them


@dataclass(frozen=True, slots=True)
class Grant:
    """What one token says of its bearer. Neither tenant nor subject is ever logged."""

    tenant: str = field(default="", repr=False)
    subject: str = field(default="", repr=False)
    token_id: str = field(default="", repr=False)  # claim `jti`
    scopes: frozenset[str] = frozenset(SCOPES)
    bounds: Bounds = Bounds()
    quota_class: str = DEFAULT_CLASS
    expires: float = FOREVER  # seconds of the wall clock

    def require_scope(self, scope: str) -> None:
        """Raise PermissionDenied unless the token has a scope, or one that includes it."""
        enough = _ENOUGH.get(scope, (scope,))
        if self.scopes.isdisjoint(enough):
            raise PermissionDenied("SCOPE_MISSING", f"The token lacks the scope {scope!r}.", AUTHORIZATION, enough)

    def require_language(self, lang: str, path: str) -> None:
        """Raise PermissionDenied unless the token grants a language; `path` is the field that asks for it."""
        granted = self.bounds.languages
        if granted is not None and not any(covers(each, lang) for each in granted):
            message = f"The token does not grant the language {quoted(lang)}."
            raise PermissionDenied("LANGUAGE_NOT_GRANTED", message, path, granted or ["none"])

    def require_voice(self, voice: str, path: str) -> None:
        """Raise PermissionDenied unless the token grants a voice; `path` is the field that asks for it."""
        granted = self.bounds.voices
        if voice and granted is not None and voice not in granted:
            message = f"The token does not grant the voice {quoted(voice)}."
            raise PermissionDenied("VOICE_NOT_GRANTED", message, path, granted or ["none"])

    def require_own_terms(self, terms: Iterable[object], path: str) -> None:
        """Raise PermissionDenied where a glossary brings terms of its own and the token does not allow that."""
        if GLOSSARY_WRITE not in self.scopes and any(True for _ in terms):
            message = f"Terms of your own need a token with the scope {GLOSSARY_WRITE!r}."
            raise PermissionDenied("SCOPE_MISSING", message, path, [GLOSSARY_WRITE, "the name of a kept glossary"])


ANYONE = Grant()  # where no tokens are asked for


def covers(granted: str, lang: str) -> bool:
    """Return whether a granted tag covers a language: one is the other, or begins it ("es" and "es-MX").

    An engine that knows no regions is covered by a tag with one: its "es" serves "es-MX" too.
    """
    one, other = granted.casefold().split("-"), lang.casefold().split("-")
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]
