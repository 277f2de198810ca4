"""How the hypotheses of neural recognizers settle, and whether their words are written with capitals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from services.asr.engine import PrefixRules, Stabilization
from services.common.errors import InvalidArgument

# A greedy search never changes a token: a word is certain when another has begun.
CERTAIN: Mapping[Stabilization, PrefixRules] = {
    Stabilization.FAST: PrefixRules(engine_told=True),
    Stabilization.BALANCED: PrefixRules(engine_told=True),
    Stabilization.AGGRESSIVE: PrefixRules(engine_told=True, held_words=1),
}
# What hypotheses have in common comes late with a beam, where unlikely ones live long; where a segment is heard again
# and again they may be all different, and the last word of one may be half a word.
AGREED: Mapping[Stabilization, PrefixRules] = {
    Stabilization.FAST: PrefixRules(agreement=2),
    Stabilization.BALANCED: PrefixRules(agreement=2, held_words=1),
    Stabilization.AGGRESSIVE: PrefixRules(agreement=3, held_words=1),
}


def all_alike(written: Mapping[Path, bool], field: str) -> bool:
    """Return whether all the bundles' models write cased and punctuated text. Raises InvalidArgument when only
    some do.
    """
    if len(set(written.values())) > 1:
        plain = ", ".join(str(path) for path, cased in written.items() if not cased)
        message = f"Some models write cased and punctuated, not these: {plain}. Serve them by a stage of their own."
        raise InvalidArgument("BUNDLES_DIFFER", message, field=field)
    return next(iter(written.values()))
