"""What transformers' `generate` made of sources: asked for when a model is made, and compared with ever after."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

MODELS = Path(__file__).parent  # NAME.json has what was found with the bundle NAME


@dataclass(frozen=True, slots=True)
class Asked:
    """A source in ids with its end, and how to look for its translation."""

    source: tuple[int, ...]
    beams: int = 1
    prefix: tuple[int, ...] = ()  # ids that the translation starts with; the target language's token is one
    longest: int = 64  # new ids behind the prefix, the end with them


@dataclass(frozen=True, slots=True)
class Reference:
    """Ids of a translation: with the prefix, without what every decoding starts with, without the end."""

    text: str
    asked: Asked
    target: tuple[int, ...]


def ended(ids: Sequence[int], end: int) -> tuple[int, ...]:
    """Up to the end."""
    found = tuple(ids)
    return found[: found.index(end)] if end in found else found


def written(bundle: str, references: Sequence[Reference], versions: dict[str, str]) -> None:
    """Keeps them, one a line."""
    lines = ",\n".join(json.dumps(asdict(each), ensure_ascii=False, separators=(",", ":")) for each in references)
    content = f'{{"made_with": {json.dumps(versions)}, "references": [\n{lines}\n]}}\n'
    (MODELS / f"{bundle}.json").write_text(content, encoding="utf-8")


def kept(bundle: str) -> list[Reference]:
    """Those of a committed bundle."""
    return [
        Reference(each["text"], _asked(each["asked"]), tuple(each["target"]))
        for each in json.loads((MODELS / f"{bundle}.json").read_text(encoding="utf-8"))["references"]
    ]


def _asked(each: dict[str, object]) -> Asked:
    ids = {name: tuple(value) if isinstance(value, list) else value for name, value in each.items()}
    return Asked(**ids)  # type: ignore[arg-type]  # as `asdict` wrote it
