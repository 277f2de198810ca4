"""What of the source text a session hides: each wish is honoured, or refused by the name of its field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.errors import InvalidArgument, Unsupported, quoted
from services.gateway.masking import names
from services.gateway.masking.kinds import CORE, NAME, OPTIONAL
from services.gateway.masking.profanity import Grade, profanities
from services.gateway.settings import GatewaySettings
from services.gateway.values.terms import Masks

_Asking: TypeAlias = pb.SessionConfig | pb.TranslateTextRequest


def agree_masks(asked: _Asking, sources: Sequence[str], settings: GatewaySettings, path: str = "hello.") -> Masks:
    """The masks of a session or text in some source languages. Raises InvalidArgument or Unsupported naming the field,
    below `path`.
    """
    wanted = asked.masking
    _require_read(asked, path)
    return Masks(
        kinds=_kinds(wanted.pii_kinds, path) if asked.mask_pii else (),
        profanity=_grade(asked, sources, settings, path) if asked.mask_profanity else 0,
        stored_only=_stored_only(wanted, path),
        punctuation=not wanted.omit_punctuation,
        casing=not wanted.omit_casing,
        regions=settings.phone_regions,
    )


def known_kinds() -> list[str]:
    """The kinds of personal data that this server masks."""
    return [*CORE, *(OPTIONAL if names.installed() else ())]


def _require_read(asked: _Asking, path: str) -> None:
    """Raises InvalidArgument for a field that would be ignored."""
    wanted = asked.masking
    unread = {
        "pii_kinds": bool(wanted.pii_kinds) and not asked.mask_pii,
        "profanity_grade": bool(wanted.profanity_grade) and not asked.mask_profanity,
        "scope": bool(wanted.scope) and not (asked.mask_pii or asked.mask_profanity),
    }
    for field, ignored in unread.items():
        if ignored:
            message = "Nothing is masked that it could say more of."
            accepted = ["unset, or with mask_pii", "unset, or with mask_profanity", "unset, or with one of both"]
            raise InvalidArgument(
                "FIELD_NOT_READ", message, f"{path}masking.{field}", [accepted[[*unread].index(field)]]
            )


def _kinds(wanted: Sequence[str], prefix: str) -> tuple[str, ...]:
    known = known_kinds()
    for index, kind in enumerate(wanted):
        path = f"{prefix}masking.pii_kinds[{index}]"
        if kind == NAME and kind not in known:
            message = (
                "Names are found by Presidio (the extra `names`) and a model of spaCy, and one of both is missing."
            )
            raise Unsupported("NAMES_NOT_INSTALLED", message, path, known)
        if kind not in known:
            raise InvalidArgument("UNKNOWN_KIND", f"{quoted(kind)} is no kind of personal data here.", path, known)
    return tuple(kind for kind in known if kind in wanted) if wanted else CORE


def _grade(asked: _Asking, sources: Sequence[str], settings: GatewaySettings, prefix: str) -> int:
    grade = asked.masking.profanity_grade
    if grade not in pb.ProfanityGrade.values():
        path, known = f"{prefix}masking.profanity_grade", pb.ProfanityGrade.keys()
        raise InvalidArgument("UNKNOWN_VALUE", f"{grade} has no meaning.", path, known)
    listed = profanities(settings.profanity)
    for source in sources:
        if listed.of(source, Grade.MILD) is None:
            message = f"There is no list of profanity in {quoted(source)}."
            raise InvalidArgument("NO_PROFANITY_LIST", message, f"{prefix}mask_profanity", listed.langs)
    return Grade(grade or Grade.MILD)


def _stored_only(wanted: pb.Masking, prefix: str) -> bool:
    if wanted.scope not in pb.MaskScope.values():
        known = pb.MaskScope.keys()
        raise InvalidArgument("UNKNOWN_VALUE", f"{wanted.scope} has no meaning.", f"{prefix}masking.scope", known)
    return wanted.scope == pb.MASK_SCOPE_STORED
