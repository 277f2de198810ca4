"""How often translations address people in the register that was asked for.

    python -m bench.formality [--engines default|small] [--list]

A hundred English sentences that address somebody (`sentences.jsonl`, written before the rules, with the Spanish words
that only one register has), into Spanish and Portuguese, each as it comes and in each register that the pair offers. A
translation is right when it has no word of the other register. "addressed" is the share that has a word of the one
asked for: the others name nobody. Registers that a pair does not offer are refused, and stand in the table without
figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from bench.measuring.processes import local_mesh
from bench.measuring.report import Goal, Rows, at_least, finish
from bench.sessions import engines
from realtime.v1 import realtime_translate_pb2 as pb
from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc

SENTENCES = Path(__file__).with_name("sentences.jsonl")
LANGS = ("es", "pt")
REGISTERS = {"formal": pb.FORMALITY_FORMAL, "informal": pb.FORMALITY_INFORMAL}
# Words that only one register has, whatever is said.
_ALWAYS: Mapping[str, Mapping[str, str]] = {
    "es": {
        "formal": "usted ustedes",
        "informal": "tú tu tus te ti contigo vosotros vosotras vuestro vuestra vuestros vuestras os "
        "eres estás tienes puedes quieres has vas debes",
    },
    "pt": {
        "formal": "senhor senhora senhores senhoras",
        "informal": "você vocês tu te ti teu tua teus tuas contigo tens podes queres és estás vais deves",
    },
}
_WORD = re.compile(r"\w+")


@dataclass(slots=True)
class Found:
    """What became of a list of sentences in one language and register."""

    sentences: int = 0
    right: int = 0
    addressed: int = 0


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    engines.add_option(parser)
    parser.add_argument("--list", action="store_true", help="print each translation that is wrong")
    options = parser.parse_args()
    found, wrong = asyncio.run(measured(engines.flat(options.engines)))
    if options.list:
        sys.stdout.write("\n".join([*wrong, ""]))
    sys.exit(not finish("formality", [table(found)], goals(found)))


async def measured(variables: Mapping[str, str]) -> tuple[dict[tuple[str, str], Found | None], list[str]]:
    """Each language and register; None for one that the pair does not offer."""
    sentences = [json.loads(line) for line in SENTENCES.read_text(encoding="utf-8").splitlines()]
    found: dict[tuple[str, str], Found | None] = {}
    wrong: list[str] = []
    async with local_mesh(variables) as mesh, grpc.aio.insecure_channel(mesh.address) as channel:
        stub = pb_grpc.RealtimeTranslateStub(channel)
        described = await stub.Describe(pb.DescribeRequest())
        offered = {pair.target_lang: list(pair.formalities) for pair in described.pairs if pair.source_lang == "en"}
        for lang in LANGS:
            for name, register in REGISTERS.items():
                found[lang, name] = None
                if register in offered.get(lang, ()):
                    found[lang, name] = await _judged(stub, sentences, lang, name, wrong)
    return found, wrong


async def _judged(
    stub: pb_grpc.RealtimeTranslateAsyncStub,
    sentences: Sequence[dict[str, object]],
    lang: str,
    name: str,
    wrong: list[str],
) -> Found:
    found = Found()
    other = next(each for each in REGISTERS if each != name)
    for sentence in sentences:
        request = pb.TranslateTextRequest(
            text=str(sentence["text"]), source_lang="en", target_langs=[lang], formality=REGISTERS[name]
        )
        (translation,) = (await stub.TranslateText(request)).translations
        words = set(_WORD.findall(translation.text.lower()))
        found.sentences += 1
        right = not words & _words(sentence, lang, other)
        found.right += right
        found.addressed += bool(words & _words(sentence, lang, name))
        if not right:
            wrong.append(f"{lang} {name}: {sentence['text']} | {translation.text}")
    return found


def _words(sentence: dict[str, object], lang: str, name: str) -> set[str]:
    """The words that only one register has, in translations of a sentence."""
    listed = sentence.get(lang, {})
    assert isinstance(listed, dict)
    return set(_ALWAYS[lang][name].split()) | set(listed.get(name, ()))


def table(found: Mapping[tuple[str, str], Found | None]) -> Rows:
    """One row for each language and register."""
    rows = Rows("From English, in a register", ("into", "register", "sentences", "right", "addressed"))
    for (lang, name), each in found.items():
        if each is None:
            rows.add(lang, name, 0, None, None)
        else:
            rows.add(lang, name, each.sentences, each.right / each.sentences, each.addressed / each.sentences)
    return rows


def goals(found: Mapping[tuple[str, str], Found | None]) -> dict[str, Goal]:
    """What is offered has to be right."""
    offered = {f"formality.{lang}.{name}": each for (lang, name), each in found.items() if each}
    return {key: at_least(each.right / each.sentences, 0.9) for key, each in offered.items()}


if __name__ == "__main__":
    main()
