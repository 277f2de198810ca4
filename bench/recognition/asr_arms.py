"""The recognizers that bench/recognition/asr_density.py compares, all fed and batched in the same way."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import onnxruntime

from services.asr.engine import Endpoint, Heard, Speech
from services.asr.engines.onnx.engine import Engine
from services.asr.engines.onnx.layout import FRAME_MS, Layout, layout
from services.asr.engines.onnx.words import FRAME_SAMPLES
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE
from services.common.neural import bundles
from services.common.neural.batching import Batcher, Item, Limits
from services.common.neural.bundles import Bundle

MADE = "drawn by chance"  # what the manifest of a model with random weights says of its source


@dataclass(frozen=True, slots=True)
class Served:
    """A model, and how it is served."""

    bundle: Bundle
    device: str
    threads: int
    streams: int  # at once, at the most

    @property
    def random(self) -> bool:
        """Whether its weights are drawn by chance: it is then as fast as a real one, and hears nothing."""
        return MADE in self.bundle.manifest.source

    @property
    def ctc(self) -> bool:
        """Whether it is one, and no transducer."""
        return self.bundle.manifest.layout == "nemo-ctc"

    def layout(self) -> Layout:
        """As its metadata says."""
        encoder = self.bundle.file("model.onnx" if self.ctc else "encoder.onnx")
        metadata = onnxruntime.InferenceSession(str(encoder)).get_modelmeta().custom_metadata_map
        return layout(metadata, self.bundle.folder)


def served(folder: Path, device: str, threads: int, streams: int) -> Served:
    """The bundle of a folder."""
    bundle = bundles.opened(folder, "asr", "onnx", ("nemo-transducer", "nemo-ctc"))
    return Served(bundle, device, threads, streams)


class Arm(Protocol):
    """One way to recognize."""

    name: str

    @property
    def device(self) -> str:
        """What it computes on, once it is started."""

    async def start(self) -> None:
        """Loads the model."""

    async def stop(self) -> None:
        """Lets it go."""

    def recognize(self, heard: AsyncIterator[Heard]) -> AsyncGenerator[str, None]:
        """The text of each segment. An item is taken when the one before is through."""


class Ours:
    """The `onnx` engine."""

    def __init__(self, model: Served, batch: int) -> None:
        self.name = f"onnx, batches of {batch}" if batch > 1 else "onnx, one by one"
        options: dict[str, Any] = {"device": model.device, "threads": model.threads, "max_batch": batch, "tail_ms": 0}
        options["bundles"] = [model.bundle.folder]
        self._engine = Engine(AsrSettings(slots=model.streams, onnx=options))

    @property
    def device(self) -> str:
        """See Arm."""
        return self._engine.device

    async def start(self) -> None:
        """See Arm."""
        await self._engine.start()

    async def stop(self) -> None:
        """See Arm."""
        await self._engine.stop()

    async def recognize(self, heard: AsyncIterator[Heard]) -> AsyncGenerator[str, None]:
        """See Arm."""
        async for hypothesis in self._engine.recognize(heard, self._engine.languages[0]):
            if hypothesis.final:
                yield hypothesis.text


class Sherpa:
    """sherpa-onnx's own recognizer, its `decode_streams` batched as ours is. Its wheel computes on the CPU."""

    def __init__(self, model: Served, layout: Layout, batch: int) -> None:
        self.name = f"sherpa-onnx, batches of {batch}"
        self._layout = layout
        self._model = model
        self._batcher = Batcher("asr.sherpa", self._decode, Limits(batch, queue_items=1024))
        self._recognizer: Any = None

    @property
    def device(self) -> str:
        """See Arm."""
        return "cpu"

    async def start(self) -> None:
        """See Arm."""
        import sherpa_onnx  # noqa: PLC0415 - not where a GPU computes

        file = self._model.bundle.file
        common = {"tokens": str(file("tokens.txt")), "num_threads": self._model.threads}
        if self._model.ctc:
            self._recognizer = sherpa_onnx.OnlineRecognizer.from_nemo_ctc(model=str(file("model.onnx")), **common)
        else:
            files = {name: str(file(f"{name}.onnx")) for name in ("encoder", "decoder", "joiner")}
            self._recognizer = sherpa_onnx.OnlineRecognizer.from_transducer(**files, **common)
        await self._batcher.start()

    async def stop(self) -> None:
        """See Arm."""
        await self._batcher.stop()

    async def recognize(self, heard: AsyncIterator[Heard]) -> AsyncGenerator[str, None]:
        """See Arm."""
        stream, samples = self._recognizer.create_stream(), 0
        async for item in heard:
            match item:
                case Speech(pcm):
                    samples += len(pcm)
                    await self._through(stream, pcm)
                case Endpoint():
                    await self._through(stream, np.zeros(self._rest(samples), np.int16))
                    yield self._recognizer.get_result(stream).strip()
                    stream, samples = self._recognizer.create_stream(), 0

    async def _through(self, stream: Any, pcm: np.ndarray[Any, Any]) -> None:
        stream.accept_waveform(ASR_RATE, pcm.astype(np.float32) / 32768)
        while self._recognizer.is_ready(stream):
            await self._batcher.submit(Item(stream, stream, urgent=False))

    def _decode(self, streams: Sequence[Any]) -> Sequence[Any]:
        self._recognizer.decode_streams(list(streams))
        return streams

    def _rest(self, samples: int) -> int:
        """Silence for as many steps as ours takes for the same audio: it waits for a frame beyond a window's last."""
        windows = self._layout.windows(-(-samples // FRAME_SAMPLES))
        frames = (windows - 1) * self._layout.shift_frames + self._layout.window_frames
        return max(0, (frames + 4) * FRAME_SAMPLES - samples)


def chunk_samples(layout: Layout) -> int:
    """New audio of one step."""
    return layout.shift_frames * FRAME_MS * ASR_RATE // 1000
