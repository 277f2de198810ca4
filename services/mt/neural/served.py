"""The models that an engine serves, each for its pairs, and the version of one that answers a session."""

from __future__ import annotations

from collections.abc import Sequence

from services.common.engines.versions import Version, Versions
from services.common.errors import MeshError
from services.common.neural.bundles import Manifest
from services.mt.engine import Pair, Source, Translation
from services.mt.neural.translating import Translating, repetition

_WARM = ("Hello.", "This is a sentence of some more words, as people say them.")


class Models:
    """The loaded models of one engine. Several bundles for a pair share its sessions."""

    def __init__(self) -> None:
        self.versions: Versions[Pair, Translating] = Versions()
        self._loaded: list[Translating] = []

    async def add(self, manifest: Manifest, weight: float, model: Translating) -> None:
        """Serve a bundle's pairs with its model, and translate two texts with it so that it is warm.

        `weight` is the bundle's part of the sessions of its pairs. Raises StageFailed, or AtCapacity.
        """
        self._loaded.append(model)
        pairs: Sequence[Pair] = [Pair(*each) for each in manifest.pairs]
        for pair in pairs:
            serves = f"{pair.source}>{pair.target}"
            self.versions.add(pair, Version(manifest.name, manifest.version, serves, weight, model))
        for text in _WARM:
            await model.translate(Source(text, pairs[0]))

    async def close(self) -> None:
        """Stop the decoding loops and release all models."""
        for model in self._loaded:
            await model.close()
        self._loaded.clear()

    async def translate(self, source: Source) -> Translation:
        """Translate a text with the model that its session's affinity picks, and count its measures.

        Raises StageFailed, or AtCapacity.
        """
        version = self.versions.pick(source.pair, source.affinity)
        with version.failing(MeshError):
            answer = await version.model.translate(source)
        length_ratio = len(answer.text) / max(1, len(source.text))
        version.answered(length_ratio=length_ratio, repetition=repetition(answer.text))
        return answer
