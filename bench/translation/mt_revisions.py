"""How still a translation stays while its sentence grows, and what that costs the last one: with and without a session.

    python -m bench.translation.mt_revisions [--engines firefox+embedded] [--pairs "en>es en>pt"] [--lines 40]
                                             [--words 2]

Erasure is the words taken back over all revisions, for each word of the last one. Of a session, the first step of a way
of several goes on from what it made of the revision before; without one, each revision is translated by itself.
"""

from __future__ import annotations

import argparse
import asyncio
from itertools import takewhile
from pathlib import Path

import sacrebleu

from bench.measuring.report import Rows, finish
from bench.translation.mt_texts import DATA, NEWS, Texts, parallel
from services.common.server.watchdog import Watchdog
from services.mt.chaining import Chaining
from services.mt.engine import Source
from services.mt.serving import Engines
from services.mt.settings import MtSettings

KEPT = 20_000


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engines", default="firefox+embedded", help="as MT_ENGINE; their settings are MT_*")
    parser.add_argument("--data", type=Path, default=DATA, help="folder of NAME.xx-yy.tsv")
    parser.add_argument("--pairs", default="en>es es>en")
    parser.add_argument("--lines", type=int, default=40)
    parser.add_argument("--words", type=int, default=2, help="by which a revision is longer")
    options = parser.parse_args()
    table = Rows("Revisions of news", ("way", "session", "erasure", "chrF of the last"))
    asyncio.run(_measured(table, options))
    if table.rows:
        finish("mt_revisions", [table], {})
    else:
        print("Skipped: there are no news with translations on this machine.")


async def _measured(table: Rows, options: argparse.Namespace) -> None:
    stage = Engines(MtSettings(engine=options.engines))
    await stage.start()
    try:
        chaining = Chaining(stage, Watchdog(), KEPT)
        for texts in parallel(options.data, options.lines):
            if texts.name == NEWS and f"{texts.pair.source}>{texts.pair.target}" in options.pairs.split():
                for session in (False, True):
                    erasure, last = await _grown(chaining, texts, session, options.words)
                    chrf = sacrebleu.corpus_chrf(last, [list(texts.references)]).score
                    way = stage.ways[texts.pair].written
                    table.add(way, "yes" if session else "no", round(erasure, 2), round(chrf, 1))
    finally:
        await stage.stop()


async def _grown(chaining: Chaining, texts: Texts, session: bool, step: int) -> tuple[float, list[str]]:
    """Words taken back for each word of the last revisions, and those."""
    erased, last = 0, []
    for number, source in enumerate(texts.sources, 1):
        words, shown = source.split(), list[str]()
        for count in range(step, len(words) + step, step):
            asked = Source(" ".join(words[:count]), texts.pair, session=number * session)
            now = (await chaining.translate(asked)).text.split()
            erased += len(shown) - sum(
                1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(shown, now, strict=False))
            )
            shown = now
        last.append(" ".join(shown))
    return erased / sum(len(text.split()) for text in last), last


if __name__ == "__main__":
    main()
