"""Translators on the same weights: ours, transformers, CTranslate2. Each is asked for ids and answers ids."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import ctranslate2

from services.mt.engines.onnx.loading import Precision
from tests.models.mt.ours import Ours, Way, opened
from tests.models.mt.reference import Asked

Ids: TypeAlias = Sequence[int]
Device: TypeAlias = Literal["cpu", "cuda"]
KINDS = {"fp32": "float32", "int8": "int8", "fp16": "float16"}  # CTranslate2's names


@dataclass(frozen=True, slots=True)
class Setting:
    """What all arms are given alike."""

    bundle: Path  # beside it, with `-hf`, the model for transformers
    device: Device
    threads: int  # of a computation on the CPU
    precision: Precision
    together: int  # sentences at the same time
    length: int  # ids of every translation, the end with them

    @property
    def original(self) -> Path:
        """In the layout of transformers."""
        return self.bundle.with_name(f"{self.bundle.name}-hf")


class Arm(Protocol):
    """One of the translators."""

    name: str

    def translated(self, sources: Sequence[Ids]) -> list[list[int]]:
        """Greedy translations, `length` ids each; the last one may be the end, or left out."""

    def close(self) -> None:
        """Releases its memory."""


class OursArm:
    """Babelmesh's engine: sentences come one by one, so many under way at the same time."""

    name = "ours"

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.runner = asyncio.Runner()
        way = Way(1, setting.together, setting.precision, setting.device, setting.threads)
        self._opened = opened(setting.bundle, way)
        self.engine: Ours = self.runner.run(self._opened.__aenter__())

    def translated(self, sources: Sequence[Ids]) -> list[list[int]]:
        """Each caller asks for its next sentence when it has its last one."""
        return self.runner.run(self._all(sources))

    def close(self) -> None:
        """Ends its threads."""
        self.runner.run(self._opened.__aexit__(None, None, None))
        self.runner.close()

    async def one(self, source: Ids) -> list[int]:
        """One sentence."""
        return [*await self.engine.decoded(Asked(tuple(source), longest=self._setting.length))]

    @property
    def crossed(self) -> int:
        """Bytes that went to the device and came from it, in all; on the CPU those that would."""
        return self.engine.model.bytes_in + self.engine.model.bytes_out

    async def _all(self, sources: Sequence[Ids]) -> list[list[int]]:
        slots = asyncio.Semaphore(self._setting.together)

        async def one(source: Ids) -> list[int]:
            async with slots:
                return await self.one(source)

        return list(await asyncio.gather(*map(one, sources)))


class TransformersArm:
    """`generate` on batches padded to their longest source."""

    name = "transformers"

    def __init__(self, setting: Setting) -> None:
        import torch  # noqa: PLC0415 - heavy, and only this arm needs it
        from transformers import AutoModelForSeq2SeqLM  # noqa: PLC0415 - likewise

        self._torch = torch
        torch.set_num_threads(setting.threads)
        self._setting = setting
        kind = torch.float16 if setting.precision == "fp16" else torch.float32
        self._model: Any = AutoModelForSeq2SeqLM.from_pretrained(setting.original, dtype=kind).to(setting.device).eval()

    def translated(self, sources: Sequence[Ids]) -> list[list[int]]:
        """Batch by batch."""
        self._torch.set_num_threads(self._setting.threads)  # of the thread that asks
        size = self._setting.together
        return [ids for first in range(0, len(sources), size) for ids in self._batch(sources[first : first + size])]

    def close(self) -> None:
        """Lets the weights go."""
        self._model = None

    def _batch(self, sources: Sequence[Ids]) -> list[list[int]]:
        torch, pad = self._torch, self._model.config.pad_token_id
        rows = [torch.tensor(source) for source in sources]
        ids = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=pad).to(self._setting.device)
        with torch.inference_mode():
            found = self._model.generate(
                input_ids=ids,
                attention_mask=(ids != pad).long(),
                num_beams=1,
                do_sample=False,
                max_new_tokens=self._setting.length,
            )
        return [row[1:] for row in found.tolist()]


class CTranslate2Arm:
    """Its own batches, made of all sentences at once, the most favourable way to ask it."""

    name = "CTranslate2"

    def __init__(self, setting: Setting) -> None:
        converted = setting.bundle.with_name(f"{setting.bundle.name}-ct2")
        if not converted.exists():
            from ctranslate2.converters import TransformersConverter  # noqa: PLC0415 - needs transformers

            TransformersConverter(str(setting.original)).convert(str(converted))
        self._setting = setting
        self._ids: dict[str, int] = json.loads((setting.original / "vocab.json").read_text(encoding="utf-8"))
        self._pieces = {number: piece for piece, number in self._ids.items()}
        self._translator = ctranslate2.Translator(
            str(converted),
            device=setting.device,
            compute_type=KINDS[setting.precision],
            inter_threads=1,
            intra_threads=setting.threads,
        )

    def translated(self, sources: Sequence[Ids]) -> list[list[int]]:
        """All at once; it sorts them and cuts batches."""
        found = self._translator.translate_batch(
            [[self._pieces[number] for number in source] for source in sources],
            max_batch_size=self._setting.together,
            beam_size=1,
            max_decoding_length=self._setting.length,
        )
        return [[self._ids[piece] for piece in each.hypotheses[0]] for each in found]

    def close(self) -> None:
        """Frees its memory."""
        self._translator.unload_model()


def arms(setting: Setting, others: Sequence[str], stack: ExitStack) -> list[Arm]:
    """Ours and the others named that have the precision: transformers has no int8."""
    kinds: dict[str, Callable[[Setting], Arm]] = {"transformers": TransformersArm, "CTranslate2": CTranslate2Arm}
    made: list[Arm] = [OursArm(setting)]
    stack.callback(made[0].close)
    for name in others:
        if setting.precision == "int8" and name == "transformers":
            continue
        kind = kinds[name]
        made.append(kind(setting))
        stack.callback(made[-1].close)
    return made
