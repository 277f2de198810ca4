"""One segment in one target language, as far as it has got. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from services.gateway.clauses import Clauses
from services.gateway.continuation import SegmentContinuation
from services.gateway.policy import Policy, TargetText
from services.gateway.terms import Caption, Transcript
from services.gateway.tiers import Rung


@dataclass(slots=True)
class Segment:
    """The text, what of it was said, and what the client of a resumed session had of both."""

    text: TargetText
    clauses: Clauses
    revision: int = 0
    said: Transcript | None = None  # what the newest revision was made from
    source: str = ""  # what of it was translated
    spoken_length: int = 0  # so many code points of the translation went to the voice
    begun: SegmentContinuation | None = None  # its clause that was begun is to be said to its end, before all else
    had: Caption | None = None  # the final that the client has
    rung: Rung = field(default_factory=Rung)  # the tier that translates it


def new_segment(policy: Policy, lang: str, seed: SegmentContinuation | None = None) -> Segment:
    """A segment from its beginning, or from where `seed` left it.

    Its text may not have been sent, only its speech: what was said is concluded too.
    """
    if seed is None:
        return Segment(TargetText(policy), Clauses(lang))
    said = " ".join([*seed.spoken.split(), *seed.speaking.split()])
    concluded = max(" ".join(seed.text.split()), said, key=len)
    return Segment(
        TargetText(policy, concluded),
        Clauses(lang),
        revision=seed.revision,
        spoken_length=len(said),
        begun=seed if seed.speaking else None,
        had=Caption(concluded, len(concluded), final=True) if seed.final else None,
    )
