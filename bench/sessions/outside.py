"""Our figures against those of simulstream (FBK, PyPI), from the same logs.

    python -m bench.sessions.outside CORPUS.jsonl [--arms balanced,retranslate] [--targets es]

Run `quality` first, with the same corpus, targets and --joined: it leaves the logs. simulstream, and the GPL
segmenter it uses, are installed as programs of their own, into a virtual environment in .outside/.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path

from bench.measuring.corpus import Recording, joined, read_corpus
from bench.measuring.metrics import Delay, mean_delay, sentence_lags
from bench.measuring.report import OUT, Goal, Rows, at_most, finish
from bench.sessions.simulstream import Logged, deleted_count, emissions, read_log

PACKAGES = ("simulstream==1.0.0", "mweralign==1.4.1", "PyYAML", "sentencepiece")  # it needs torch only for its servers
PLACE = Path(__file__).parents[2] / ".outside"
LOGS = OUT / "quality"
SAME_SECONDS = 0.02  # sentences are cut differently where two cuts are equally good


def main() -> None:
    """Prints both, and ends with status 1 when they differ."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--arms", default="endpointed,balanced")
    parser.add_argument("--targets", default="es")
    parser.add_argument("--sounds", type=Path)
    parser.add_argument("--joined", action="store_true")
    options = parser.parse_args()
    targets = options.targets.split(",")
    recordings = read_corpus(options.corpus, options.sounds, targets)
    if options.joined:
        recordings = [joined(recordings)]
    python = installed(PLACE)
    table = Rows("Ours and simulstream's", ("arm", "to", "measure", "ours", "simulstream's"))
    goals: dict[str, Goal] = {}
    for arm in options.arms.split(","):
        for lang in targets:
            for name, (ours, theirs) in compared(python, arm, lang, recordings).items():
                table.add(arm, lang, name, ours, theirs)
                goals[f"outside.{arm}.{lang}.{name}"] = at_most(abs(ours - theirs), SAME_SECONDS)
    sys.exit(not finish("outside", [table], goals))


def installed(place: Path) -> Path:
    """A Python that has simulstream."""
    python = place / "bin" / "python"
    if not (place / "ready").exists():
        venv.create(place, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--no-deps", *PACKAGES], check=True)
        (place / "ready").touch()
    return python


def compared(python: Path, arm: str, lang: str, recordings: Sequence[Recording]) -> dict[str, tuple[float, float]]:
    """Each measure, by us and by them."""
    write_references(recordings, lang)
    concluded, captions = (LOGS / f"{arm}.{lang}.{kind}.jsonl" for kind in ("concluded", "captions"))
    ours = our_laal(read_log(concluded), recordings, lang)
    said = _simulstream(
        python,
        *("score_latency", "--scorer", "stream_laal", "--log-file", concluded),
        *("--reference", LOGS / "references.txt", "--audio-definition", LOGS / "audio.yaml"),
    )
    their_ideal, their_aware = (float(value) for value in re.findall(r"=(-?[\d.]+)", said)[-2:])
    stats = _simulstream(python, "stats", "--log-file", captions)
    their_erasure = json.loads(stats[stats.index("{") :])["normalized_erasure"]["value"]
    return {
        "StreamLAAL ideal": (ours.ideal, their_ideal),
        "StreamLAAL computation-aware": (ours.aware, their_aware),
        "caption NE": (our_erasure(read_log(captions)), their_erasure),
    }


def write_references(recordings: Sequence[Recording], lang: str) -> None:
    """The references as simulstream reads them."""
    sentences = [(each.name, sentence) for each in recordings for sentence in each.sentences.get(lang, ())]
    audio = [{"wav": f"{name}.wav", "offset": each.start, "duration": each.seconds} for name, each in sentences]
    (LOGS / "references.txt").write_text("".join(f"{each.reference}\n" for _, each in sentences), encoding="utf-8")
    (LOGS / "audio.yaml").write_text(json.dumps(audio))  # JSON is YAML
    (LOGS / "config.yaml").write_text(json.dumps({"detokenizer_type": "simuleval", "latency_unit": "spm"}))


def our_laal(logs: Sequence[Logged], recordings: Sequence[Recording], lang: str) -> Delay:
    """The mean over all sentences of all recordings."""
    words = {log.name: emissions(log.steps) for log in logs}
    lags = [lag for each in recordings for lag in sentence_lags(words[each.name], each.sentences[lang])]
    mean = mean_delay(lags)
    if mean is None:
        raise SystemExit("The logs hold no words.")
    return mean


def our_erasure(logs: Sequence[Logged]) -> float:
    """Words taken back for each that stayed, over all recordings."""
    return sum(deleted_count(log.steps) for log in logs) / sum(len(emissions(log.steps)) for log in logs)


def _simulstream(python: Path, metric: str, *arguments: str | Path) -> str:
    command = [python, "-m", f"simulstream.metrics.{metric}", "--eval-config", LOGS / "config.yaml", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    main()
