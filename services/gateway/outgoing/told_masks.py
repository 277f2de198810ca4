"""What a client is told of its masks."""

from __future__ import annotations

from realtime.v1 import realtime_translate_pb2 as pb
from services.gateway.values.terms import Masks


def tell_masks(config: pb.SessionConfig, masks: Masks) -> None:
    """Set what of the source text is hidden, and how it is written, in a session's configuration."""
    if masks.any:
        config.mask_profanity, config.mask_pii = masks.profanity > 0, bool(masks.kinds)
        config.masking.CopyFrom(_masking(masks))


def _masking(masks: Masks) -> pb.Masking:
    hides = masks.kinds or masks.profanity
    scope = pb.MASK_SCOPE_STORED if masks.stored_only else pb.MASK_SCOPE_EVERYWHERE
    return pb.Masking(
        pii_kinds=masks.kinds,
        profanity_grade=pb.ProfanityGrade.ValueType(masks.profanity),
        scope=scope if hides else pb.MASK_SCOPE_UNSPECIFIED,
        omit_punctuation=not masks.punctuation,
        omit_casing=not masks.casing,
    )
