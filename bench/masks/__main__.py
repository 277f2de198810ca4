"""What masks find, what they let through while a text grows, and what they cost.

    python -m bench.masks [--sentences FILE.jsonl] [--list] [--no-session]

The sentences of bench/masks or those of a file. `entities.jsonl` and `entities-others.jsonl` were written before the
masks; `entities-people.jsonl` and `entities-people-later.jsonl` before and apart from the code, by somebody who had not
read it, as was `entities-addresses.jsonl`, which `--sentences` takes: mostly addresses that nothing announces.
docs/measurements.md has what was found in each at first sight. A file is one JSON object a line with "lang",
"form", "text" and "entities", each with "kind" and "text". Each sentence is also sent as a stream of growing interim
results, split at every code point; a leak is a text that shows what the final hides. `--list` prints each
entity that is missed, and each span that hides none. The share of a session's processor time is that of a mesh of
scripted engines, which is the least that a session takes.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import babelmesh
from bench.masks.ends import LET_THROUGH, shown, splits
from bench.masks.judging import MASKED, NOT_MASKED, OWN, Scores, Sentence, judge, read
from bench.measuring.processes import SCRIPTED, local_mesh, metered
from bench.measuring.report import Goal, Rows, at_least, at_most, finish, percentile
from bench.measuring.speech import talks
from bench.measuring.take import take
from services.gateway.masking.kinds import CORE
from services.gateway.masking.masker import Masker, Seeker
from services.gateway.masking.profanity import Grade, profanities
from services.gateway.values.speech import Transcript
from services.gateway.values.terms import Masks

MASKS = Masks(kinds=CORE, profanity=Grade.MILD)
EVERY = 3  # of the sentences are parted by the end of a segment, at each space of what is in them
_ROUNDS = 5  # of the cost, of which the best counts
_SESSION_SECONDS = 20.0


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=Path, help="measure on this list instead of our own")
    parser.add_argument("--list", action="store_true", help="print what is missed, and what is hidden for nothing")
    parser.add_argument("--no-session", action="store_true", help="leave out the share of a session")
    options = parser.parse_args()
    sentences = read([options.sentences] if options.sentences else [*OWN, NOT_MASKED])
    scores, milliseconds = found(sentences)
    leaks, revisions = leaked(sentences)
    ends = [shown(each, one.lang, MASKS, seeker()) for one in sentences[::EVERY] for each in splits(one)]
    share = None if options.no_session else asyncio.run(session_share())
    if options.list:
        sys.stdout.write("\n".join([*scores.failures, ""]))
    cost = Rows("Cost", ("sentences", "ms a concluded text, p50", "p99", "largest", "revisions", "leaks"))
    middle, late = percentile(milliseconds, 0.5), percentile(milliseconds, 0.99)
    cost.add(len(sentences), middle, late, max(milliseconds), revisions, leaks)
    parted = Rows("Parted by the end of a segment", ("splits", f"that show more than {LET_THROUGH} words"))
    parted.add(len(ends), over := sum(words > LET_THROUGH for words in ends))
    reached = goals(scores, leaks, max(milliseconds), share)
    reached["masks.ends"] = at_most(over / len(ends) if ends else 0.0, 0.05)
    sys.exit(not finish("masks", [table(scores), summary(scores), cost, parted], reached))


def seeker() -> Seeker:
    """What masks all that can be without an extra."""
    return Seeker(MASKS, profanities())


def found(sentences: Sequence[Sentence]) -> tuple[Scores, list[float]]:
    """How well each sentence is masked, and how long it takes."""
    scores, milliseconds, seeking = Scores(), list[float](), seeker()
    for sentence in sentences:
        best = float("inf")
        for _ in range(_ROUNDS):
            began = time.thread_time()
            spans = seeking.found(sentence.text, sentence.lang, complete=True).spans
            best = min(best, time.thread_time() - began)
        milliseconds.append(1000 * best)
        judge(sentence, spans, scores)
    return scores, milliseconds


def leaked(sentences: Sequence[Sentence]) -> tuple[int, int]:
    """How many revisions of growing sentences show what their final hides, or take something back; and of how many."""
    leaks = revisions = 0
    for sentence in sentences:
        masker = Masker(MASKS, sentence.lang, seeker())
        final = masker.masked(Transcript(1, 1, True, sentence.text, len(sentence.text))).text
        concluded = ""
        for said in growing(sentence.text):
            shown = masker.masked(said)
            revisions += 1
            leaks += not (final.startswith(shown.text) and shown.text.startswith(concluded))
            concluded = shown.text[: shown.stable_length]
        leaks += masker.masked(Transcript(1, 1, True, sentence.text, len(sentence.text))).corrected
    return leaks, revisions


def growing(text: str) -> Iterator[Transcript]:
    """A text as interim results, each a code point longer, of which all but the last word is concluded."""
    for end in range(1, len(text) + 1):
        part = text[:end].strip()
        stable = len(part) if text[end - 1].isspace() else part.rfind(" ") + 1
        yield Transcript(1, end, False, part, stable)


async def session_share() -> float:
    """The share of a session's processor time that masking its transcripts takes, on scripted engines."""
    (talk,) = talks(1, _SESSION_SECONDS)
    async with local_mesh(SCRIPTED) as mesh, babelmesh.connect(mesh.address) as client:
        await take(client, talk, ["es"], speed=0)
        async with metered(mesh) as usage:
            heard = await take(client, talk, ["es"])
    results = [event for _, event in heard.events if isinstance(event, babelmesh.AsrResult)]
    masker, began = Masker(MASKS, "en", seeker()), time.thread_time()
    for result in results:
        masker.masked(Transcript(result.segment_id, 1, result.final, result.text, result.stable_length))
    return (time.thread_time() - began) / sum(usage.cpu_seconds.values())


def table(scores: Scores) -> Rows:
    """One row for each kind, language and form."""
    rows = Rows("By kind, language and form", ("kind", "lang", "form", "entities", "recall", "spans", "precision"))
    for (kind, lang, form), score in sorted(scores.by.items()):
        if kind in MASKED:
            rows.add(kind, lang, form, score.wanted, score.recall, score.spans, score.precision)
    return rows


def summary(scores: Scores) -> Rows:
    """One row for each kind; those that are not masked stand apart."""
    rows = Rows("By kind", ("kind", "entities", "recall", "spans", "precision", "masked"))
    for kind in sorted({kind for kind, _, _ in scores.by}, key=lambda kind: (kind not in MASKED, kind)):
        score = scores.total([kind])
        rows.add(kind, score.wanted, score.recall, score.spans, score.precision, "yes" if kind in MASKED else "no")
    total = scores.total()
    rows.add("all that are masked", total.wanted, total.recall, total.spans, total.precision, "yes")
    return rows


def goals(scores: Scores, leaks: int, most_ms: float, share: float | None) -> dict[str, Goal]:
    """What masks have to reach."""
    total = scores.total()
    reached = {
        "masks.recall": at_least(total.recall, 0.98),
        "masks.precision": at_least(total.precision, 0.95),
        "masks.leaks": at_most(leaks, 0),
        "masks.text_ms": at_most(most_ms, 5.0),
    }
    return reached | ({} if share is None else {"masks.cpu_share": at_most(share, 0.03)})


if __name__ == "__main__":
    main()
