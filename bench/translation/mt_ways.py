"""Every pair and every way of the translation stage, judged by translations of people: which way is the best.

    python -m bench.translation.mt_ways [--engines firefox+embedded] [--lines 300] [--pairs "en>es es>en"] [--markdown]

chrF and BLEU by sacrebleu over the translations as clients get them. Engines are set up as the stage's are, by MT_*.
bench/translation/mt_texts.py says which texts there are; a pair without any is listed with its default way alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sacrebleu

from bench.measuring.report import Goal, Rows, at_least, finish
from bench.translation.mt_texts import DATA, NEWS, Texts, parallel
from services.common.server.watchdog import Watchdog
from services.mt import ways
from services.mt.chaining import Chaining
from services.mt.engine import Pair, Source
from services.mt.serving import Engines
from services.mt.settings import MtSettings
from services.mt.ways import Step, Way

COLUMNS = ("pair", "way", "engines", "texts", "lines", "chrF", "BLEU", "unknown per 100 words", "ms a line", "default")
RULES = "embedded"
GOALS = {"chrf": 5.5, "bleu": 8.0}
GOAL_PAIRS = (Pair("en", "es"), Pair("es", "en"))
TOGETHER = 8
KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Score:
    """What a way made of the texts of a pair."""

    way: Way
    texts: Texts
    chrf: float
    bleu: float
    unknown_share: float
    ms: float  # a line, of TOGETHER at the same time


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="firefox+embedded", help="as MT_ENGINE")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of NAME.xx-yy.tsv")
    parser.add_argument("--lines", type=int, default=300, help="of each text, the first ones")
    parser.add_argument("--pairs", default="", help="only these, en>es, spaces between")
    parser.add_argument("--markdown", action="store_true", help="print the table as the documentation shows it")
    options = parser.parse_args()
    scores, without = asyncio.run(
        measured(options.engines, parallel(options.data, options.lines), options.pairs.split())
    )
    if not scores:
        print("Skipped: no texts with translations are on this machine.")
        return
    table = Rows("Ways, by texts that people translated", COLUMNS)
    for score in scores:
        _add(table, score, without)
    others = Rows("Ways of pairs that have no such texts", ("pair", "way", "engines"))
    for way in without.values():
        if not any(score.way.pair == way.pair for score in scores):
            others.add(_written(way.pair), way.written, _engines(way))
    if options.markdown:
        print(_markdown(table), _markdown(others), sep="\n\n")
    sys.exit(not finish("mt_ways", [table, others], goals(scores, without)))


async def measured(engines: str, every: Iterable[Texts], pairs: Sequence[str]) -> tuple[list[Score], dict[Pair, Way]]:
    """The score of every way of every pair that has texts, and the default way of every pair."""
    settings = MtSettings(engine=engines)
    stage = Engines(settings)
    await stage.start()
    try:
        chaining = Chaining(stage, Watchdog(), KEPT)
        scores = []
        for texts in every:
            if pairs and _written(texts.pair) not in pairs:
                continue
            for way in candidates(texts.pair, stage):
                scores.append(await _score(chaining, way, texts))
                print(f"... {texts.name} {way.written} chrF {scores[-1].chrf:.1f}", file=sys.stderr, flush=True)
        return scores, dict(stage.ways)
    finally:
        await stage.stop()


def candidates(pair: Pair, stage: Engines) -> Iterator[Way]:
    """The ways of a pair: each engine's direct one, those over one language, and those of the table."""
    direct = {Step(each, engine.name) for engine in stage.engines for each in engine.pairs if "-" not in each.target}
    found = [Way(pair, (step,)) for step in direct if step.pair == pair]
    found += [
        Way(pair, (first, second))
        for first in direct
        for second in direct
        if first.pair.source == pair.source
        and second.pair.target == pair.target
        and first.pair.target == second.pair.source
    ]
    for row in ways.table():
        steps = tuple(Step(each, name) for each, name in zip(row.way, row.engines, strict=True))
        if pair in row.pairs and all(step in direct for step in steps):
            found.append(Way(pair, steps))
    yield from sorted(dict.fromkeys(found), key=lambda way: (len(way.steps), way.written))


def goals(scores: Sequence[Score], default: dict[Pair, Way]) -> dict[str, Goal]:
    """By how much the default way is better on news than the translator by rules alone."""
    reached = {}
    for pair in GOAL_PAIRS:
        news = [score for score in scores if score.texts.name == NEWS and score.way.pair == pair]
        rules = next((score for score in news if score.way.steps == (Step(pair, RULES),)), None)
        ours = next((score for score in news if score.way == default.get(pair)), None)
        if rules is None or ours is None:
            continue
        name = f"N3.{pair.source}_{pair.target}"
        reached[f"{name}.chrf"] = at_least(ours.chrf - rules.chrf, GOALS["chrf"])
        reached[f"{name}.bleu"] = at_least(ours.bleu - rules.bleu, GOALS["bleu"])
    return reached


async def _score(chaining: Chaining, way: Way, texts: Texts) -> Score:
    slots = asyncio.Semaphore(TOGETHER)

    async def one(text: str) -> tuple[str, int]:
        async with slots:
            answer = await chaining.along(way, Source(text, way.pair))
            return answer.text, answer.unknown_words

    since = time.perf_counter()
    answers = await asyncio.gather(*map(one, texts.sources))
    ms = (time.perf_counter() - since) * 1000 / len(texts.sources)
    said, references = [text for text, _ in answers], [list(texts.references)]
    words = sum(len(text.split()) for text in texts.sources)
    return Score(
        way,
        texts,
        sacrebleu.corpus_chrf(said, references).score,
        sacrebleu.corpus_bleu(said, references).score,
        sum(unknown for _, unknown in answers) / max(words, 1),
        ms,
    )


def _add(table: Rows, score: Score, default: dict[Pair, Way]) -> None:
    table.add(
        _written(score.way.pair),
        score.way.written,
        _engines(score.way),
        score.texts.name,
        len(score.texts.sources),
        round(score.chrf, 1),
        round(score.bleu, 1),
        round(100 * score.unknown_share, 1),
        round(score.ms, 1),
        "default" if default.get(score.way.pair) == score.way else "",
    )


def _markdown(table: Rows) -> str:
    def row(cells: Iterable[object]) -> str:
        return f"| {' | '.join(str(cell) for cell in cells)} |"

    return "\n".join([row(table.columns), row("---" for _ in table.columns), *map(row, table.rows)])


def _engines(way: Way) -> str:
    return ", ".join(step.engine for step in way.steps)


def _written(pair: Pair) -> str:
    return f"{pair.source}{ways.JOIN}{pair.target}"


if __name__ == "__main__":
    main()
