"""Runs a network's graphs on a device. Blocking, and for one thread only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnxruntime

from services.common.neural.devices import Device, session
from services.mt.engines.firefox import graphs
from services.mt.engines.firefox.blocks import by_integers
from services.mt.engines.firefox.network import Network
from services.mt.engines.firefox.table import Candidates, Table
from services.mt.neural.rows import padded
from services.mt.neural.weights import Array


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources' masks and cached keys and values, in the order of their translations' rows."""

    there: Array  # [rows, length], int32: 1 where the source has a token
    memory: Array  # [2 * layers, rows, heads, length, head's width]

    def kept(self, rows: Sequence[int]) -> Sources:
        """Return some rows, cut to the length of the longest of them."""
        length = int(self.there[rows].sum(1).max(initial=1))
        memory = np.ascontiguousarray(self.memory[:, rows, :, :length])
        return Sources(np.ascontiguousarray(self.there[rows, :length]), memory)

    def then(self, more: Sources) -> Sources:
        """Return these rows followed by other ones, padded to the same length."""
        length = max(self.there.shape[1], more.there.shape[1])
        there, memory = [], []
        for each in (self, more):
            missing = (0, length - each.there.shape[1])
            there.append(np.pad(each.there, ((0, 0), missing)))
            memory.append(np.pad(each.memory, ((0, 0), (0, 0), (0, 0), missing, (0, 0))))
        return Sources(np.concatenate(there), np.concatenate(memory, axis=1))


@dataclass(frozen=True, slots=True)
class Rows:
    """The translations under way: last ids, positions, limits, SSRU states and sources."""

    last: Array  # [rows], the id of the last token
    position: Array  # [rows], the place it has
    limit: Array  # [rows], the first place that none has
    cells: Array  # [layers, rows, width]
    sources: Sources

    def kept(self, rows: Sequence[int]) -> Rows:
        """Return the selected rows."""
        cells = np.ascontiguousarray(self.cells[:, rows])
        return Rows(self.last[rows], self.position[rows], self.limit[rows], cells, self.sources.kept(rows))

    def then(self, more: Rows) -> Rows:
        """Return these rows followed by other ones."""
        last, position, limit = (
            np.concatenate([getattr(each, name) for each in (self, more)]) for name in ("last", "position", "limit")
        )
        cells = np.concatenate([self.cells, more.cells], axis=1)
        return Rows(last, position, limit, cells, self.sources.then(more.sources))


@dataclass(frozen=True, slots=True)
class Pause:
    """The conditions that end a step: a number of tokens, or enough rows that have ended."""

    steps: int  # after so many tokens
    enough: int  # after so many rows have ended
    end: int  # the id they end with


@dataclass(frozen=True, slots=True)
class Begun:
    """Encoded sources, with the states and logits of translations that begin."""

    sources: Sources
    cells: Array  # [layers, rows, width]
    logits: Array  # [rows, picks, candidates]


class Model:
    """Computes with a network's graphs; of the weights only the embedding table is kept."""

    def __init__(self, network: Network, device: Device) -> None:
        self.table = Table(network, by_integers(network))
        self.bytes_in = self.bytes_out = 0  # to the device and from it; on the CPU those that would cross
        self._remembered, self._cells = graphs.remembered(network), graphs.cells(network)
        self._reading = session(graphs.reading(network).SerializeToString(), device)
        self._stepping = session(graphs.stepping(network).SerializeToString(), device)

    def read(
        self, sources: Sequence[Sequence[int]], prompts: Sequence[Sequence[int]], picks: Array, candidates: Candidates
    ) -> Begun:
        """Encode sources and the prompts of their translations.

        Answers behind the tokens `picks` [rows, picks] of each prompt; the cells are those behind the last of them.
        """
        ids, lengths = padded(sources, 0)
        there = (np.arange(ids.shape[1]) < lengths[:, None]).astype(np.int32)
        given = {
            "source": self.table.placed(ids),
            "there": there,
            "prompt": self.table.placed(padded(prompts, 0)[0]),
            "pick": picks,
            "candidates": candidates.rows,
            "bias": candidates.bias,
        }
        made = self._run(self._reading, given)
        memory, cells = (np.stack([made[name] for name in names]) for names in (self._remembered, self._cells))
        return Begun(Sources(there, memory), cells, made["logits"])

    def step(self, rows: Rows, candidates: Candidates, pause: Pause) -> tuple[Array, Rows]:
        """Continue translations. Return ids [steps, rows], arbitrary behind a row's end, and the rows' next state."""
        given = {
            "last": np.searchsorted(candidates.ids, rows.last),
            "position": rows.position,
            "limit": rows.limit,
            "steps": np.array(pause.steps),
            "enough": np.array(pause.enough),
            "end": np.array(np.searchsorted(candidates.ids, pause.end)),
            "there": rows.sources.there,
            "candidates": candidates.rows,
            "bias": candidates.bias,
            **dict(zip(self._remembered, rows.sources.memory, strict=True)),
            **dict(zip(self._cells, rows.cells, strict=True)),
        }
        made = self._run(self._stepping, given)
        ids = candidates.ids[made["chosen"]]
        cells = np.stack([made[f"new.{name}"] for name in self._cells])
        return ids, replace(rows, last=ids[-1], position=rows.position + len(ids), cells=cells)

    def _run(self, graph: onnxruntime.InferenceSession, given: Mapping[str, Array]) -> dict[str, Array]:
        made = graph.run(None, given)
        self.bytes_in += sum(values.nbytes for values in given.values())
        self.bytes_out += sum(values.nbytes for values in made)
        return {each.name: values for each, values in zip(graph.get_outputs(), made, strict=True)}
