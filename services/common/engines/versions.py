"""Serves versions of a model side by side: chooses the one for a session, and counts how each does.

Two bundles for the same language share its sessions by their weights. A session stays with one version, whatever the
replica: the choice hangs on the session's affinity alone.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from services.common.errors import MeshError

M = TypeVar("M")
K = TypeVar("K", bound=Hashable)

_STEPS = 1 << 32


@dataclass(slots=True, eq=False)
class Version(Generic[M]):
    """One version of a model for one language or pair, with counts of its calls. One event loop only."""

    bundle: str
    version: str
    serves: str  # a language, or a pair such as "en>es"
    weight: float
    model: M
    calls: int = 0
    failures: int = 0
    sums: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    def answered(self, **measures: float) -> None:
        """Count an answer, and add its measures. Every answer must have the same measures."""
        self.calls += 1
        for name, value in measures.items():
            self.sums[name] += value

    def failed(self) -> None:
        """Count a call that failed."""
        self.failures += 1

    @contextmanager
    def failing(self, kind: type[MeshError]) -> Iterator[None]:
        """Count a call that fails in the block with an error of that kind."""
        try:
            yield
        except kind:
            self.failed()
            raise

    @property
    def means(self) -> dict[str, float]:
        """The mean of each measure over the calls; empty before the first call."""
        return {name: total / self.calls for name, total in self.sums.items()} if self.calls else {}


class Versions(Generic[K, M]):
    """The model versions of all languages or pairs that an engine serves."""

    def __init__(self) -> None:
        self._of: dict[K, list[Version[M]]] = {}

    def add(self, key: K, version: Version[M]) -> None:
        """Add a version that serves `key`, beside others of it."""
        versions = self._of.setdefault(key, [])
        versions.append(version)
        versions.sort(key=lambda each: (each.bundle, each.version))  # the same on a replica that lists them otherwise

    def __iter__(self) -> Iterator[K]:
        return iter(self._of)

    @property
    def names(self) -> str:
        """Names and versions of all bundles, as one line."""
        return ", ".join(sorted({f"{each.bundle}@{each.version}" for each, _ in self.reported()}))

    def pick(self, key: K, affinity: int = 0) -> Version[M]:
        """Return the version that answers a session. Raises KeyError for a key without one."""
        versions = self._of[key]
        if len(versions) == 1:
            return versions[0]
        place = _place(affinity, versions[0].serves) * sum(version.weight for version in versions)
        for version in versions[:-1]:
            place -= version.weight
            if place < 0:
                return version
        return versions[-1]

    def reported(self) -> Iterator[tuple[Version[M], float]]:
        """Yield each version with its share of the sessions, 0 to 1."""
        for versions in self._of.values():
            total = sum(version.weight for version in versions)
            for version in versions:
                yield version, version.weight / total


def _place(affinity: int, serves: str) -> float:
    """Return a session's place, 0 to 1: spread evenly over sessions, and differently for each language or pair.

    So those who try a new recognizer are not the same as those who try a new voice.
    """
    digest = hashlib.blake2b(affinity.to_bytes(8) + serves.encode(), digest_size=4).digest()
    return int.from_bytes(digest) / _STEPS
