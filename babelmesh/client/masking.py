"""What a session says of its masks: messages and enums of the contract, under the contract's names."""

from __future__ import annotations

from babelmesh.client.events import document
from realtime.v1.realtime_translate_pb2 import (
    MASK_SCOPE_EVERYWHERE,
    MASK_SCOPE_STORED,
    MASK_SCOPE_UNSPECIFIED,
    PROFANITY_GRADE_MILD,
    PROFANITY_GRADE_STRONG,
    PROFANITY_GRADE_UNSPECIFIED,
    Masking,
    MaskScope,
    ProfanityGrade,
)

__all__ = [
    "MASK_SCOPE_EVERYWHERE",
    "MASK_SCOPE_STORED",
    "MASK_SCOPE_UNSPECIFIED",
    "PROFANITY_GRADE_MILD",
    "PROFANITY_GRADE_STRONG",
    "PROFANITY_GRADE_UNSPECIFIED",
    "MaskScope",
    "Masking",
    "ProfanityGrade",
]

for _name in __all__:
    document(_name, globals()[_name])
