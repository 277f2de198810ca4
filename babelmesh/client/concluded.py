"""Results of one segment as they may follow one another: revisions rise, what is concluded stands, a final is last."""

from __future__ import annotations

from typing import TypeVar

from babelmesh.client.events import AsrResult, TranslationResult

Result = TypeVar("Result", AsrResult, TranslationResult)


def newer(result: Result, known: Result | None) -> Result | None:
    """Return a result as the reader is to get it after the known one; None where it brings nothing new or takes text
    back.

    A final that was made again may come under a lower number, and of a transcript it may differ: it is then corrected.
    """
    if known is None:
        return result
    if known.final:
        return None
    contradicts = not result.text.startswith(known.text[: known.stable_length])
    if not result.final and (contradicts or result.revision <= known.revision):
        return None
    told = _copied(result)
    told.revision = max(result.revision, known.revision + 1)
    if not result.final:
        told.stable_length = max(result.stable_length, known.stable_length)
    elif isinstance(told, AsrResult):
        told.corrected = result.corrected or contradicts
    return told


def _copied(result: Result) -> Result:
    copy = type(result)()
    copy.CopyFrom(result)
    return copy
