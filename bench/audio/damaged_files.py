"""How much of damaged files is translated: 40 containers of recorded speech, each damaged in 10 ways, against ffmpeg.

    python -m bench.audio.damaged_files [--ffmpeg PROGRAM] [--before CHECKOUT] [--recognized N] [--seed N]
                                        [--containers N]

A seed decides where each file is damaged. The words in ffmpeg's own decoding of a file are those to be found: where
the client sends the same samples (and perhaps more behind them, or silence between), all of them are; elsewhere both
decodings are recognized, by the default recognizer of English in one go. `--recognized` bounds how many files are;
without it, all that differ. A file of which ffmpeg decodes no word counts neither way. Reading that takes longer than a
minute hangs; one that ends by an exception that is no BabelmeshError, or by a crash, is a traceback. `--before` reads
the same files with the client of another checkout as well.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.files.comparing import Recognizer, Words, contained, samples
from bench.files.damages import DAMAGES
from bench.files.making import CONTAINERS, made
from bench.files.reading import Read, by_client, by_ffmpeg
from bench.measuring.report import Goal, Rows, at_least, at_most, finish

HERE = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one damaged file."""

    container: int
    damage: str
    words: Words | None  # None: decoded differently, and not recognized for want of time; of equal sound, 1 of 1
    recognized: bool
    read: Read
    counts: bool  # whether ffmpeg decodes anything of it


class Judge:
    """Compares decodings, and recognizes at most so many of those that differ."""

    def __init__(self, most: int | None) -> None:
        self._recognizer = Recognizer()
        self._left = most

    def outcome(self, container: int, damage: str, reference: Read, read: Read) -> Outcome:
        """What became of a file that ffmpeg and a client have read."""
        wanted, found = samples(reference.pcm), samples(read.pcm)
        counts = len(wanted) > 0
        if contained(wanted, found):
            return Outcome(container, damage, Words(1, 1), False, read, counts)
        if self._left == 0:
            return Outcome(container, damage, None, False, read, counts)
        self._left = None if self._left is None else self._left - 1
        words = self._recognizer.words(wanted, found)
        return Outcome(container, damage, words, True, read, words.all > 0)


def main() -> None:
    """Print the tables; end with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ffmpeg", default="ffmpeg", help="the program to compare with")
    parser.add_argument("--before", type=Path, help="another checkout, whose client reads the same files")
    parser.add_argument("--recognized", type=int, help="at most so many files are recognized in each arm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--containers", type=int, default=len(CONTAINERS), help="only the first so many")
    options = parser.parse_args()
    arms = {"now": HERE, **({"before": options.before.resolve()} if options.before else {})}
    outcomes: dict[str, list[Outcome]] = {arm: [] for arm in arms}
    judges = {arm: Judge(options.recognized) for arm in arms}
    with TemporaryDirectory(prefix="damaged-files-") as folder:
        for number, path in enumerate(made(options.ffmpeg, Path(folder))[: options.containers]):
            files = damaged(path, Path(folder), options.seed + number)
            references = [by_ffmpeg(options.ffmpeg, file) for file in files]
            for arm, checkout in arms.items():
                judged = zip(DAMAGES, references, by_client(checkout, files), strict=True)
                outcomes[arm] += [
                    judges[arm].outcome(number, damage.__name__, reference, read) for damage, reference, read in judged
                ]
            print(f"{number + 1}/{options.containers} {path.suffix}", file=sys.stderr, flush=True)
    tables = [summary(outcomes), by(outcomes, "damage"), by(outcomes, "container")]
    sys.exit(not finish("damaged_files", tables, goals(outcomes["now"])))


def damaged(path: Path, folder: Path, seed: int) -> list[Path]:
    """Ten damaged copies of a file."""
    content, chance = path.read_bytes(), random.Random(seed)
    files = [folder / f"{path.stem}-{damage.__name__}{path.suffix}" for damage in DAMAGES]
    for file, damage in zip(files, DAMAGES, strict=True):
        file.write_bytes(damage(content, chance))
    return files


def share(outcomes: Sequence[Outcome]) -> float:
    """The mean, over files, of the share of ffmpeg's words that was found."""
    shares = [each.words.share for each in outcomes if each.words and each.counts]
    return sum(shares) / len(shares) if shares else 1.0


def summary(outcomes: dict[str, list[Outcome]]) -> Rows:
    """A row for each arm."""
    columns = (
        "client",
        "files",
        "ffmpeg decodes",
        "same sound",
        "recognized",
        "not judged",
        "words",
        "words recognized",
    )
    table = Rows("Words of ffmpeg's decoding that are found, and how reading ended", (*columns, "tracebacks", "hangs"))
    for arm, all_ in outcomes.items():
        counted = [each for each in all_ if each.counts]
        heard = [each for each in counted if each.recognized]
        same = sum(bool(each.words) and not each.recognized for each in counted)
        words = (
            sum(each.words.found for each in heard if each.words),
            sum(each.words.all for each in heard if each.words),
        )
        unjudged = sum(each.words is None for each in counted)
        told = (len(all_), len(counted), same, len(heard), unjudged, share(counted), f"{words[0]} of {words[1]}")
        table.add(arm, *told, sum(each.read.broke for each in all_), sum(each.read.hung for each in all_))
    return table


def by(outcomes: dict[str, list[Outcome]], key: str) -> Rows:
    """The share of words, by damage or by container."""
    table = Rows(f"Words by {key}", (key, *outcomes))
    for value in dict.fromkeys(getattr(each, key) for each in outcomes["now"]):
        those = {arm: [each for each in all_ if getattr(each, key) == value] for arm, all_ in outcomes.items()}
        name = str(value) if key == "damage" else f"{CONTAINERS[value].ending} {CONTAINERS[value].options}"
        table.add(name, *(share(each) for each in those.values()))
    return table


def goals(outcomes: Sequence[Outcome]) -> dict[str, Goal]:
    """What was to be reached."""
    return {
        "files.words": at_least(share(outcomes), 0.98),
        "files.tracebacks": at_most(sum(each.read.broke for each in outcomes), 0),
        "files.hangs": at_most(sum(each.read.hung for each in outcomes), 0),
    }


if __name__ == "__main__":
    main()
