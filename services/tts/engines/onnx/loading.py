"""Loads a voice's network, splits it, and checks that the parts compute what the whole does."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from services.common.errors import InvalidArgument, StageFailed
from services.common.neural import devices
from services.common.neural.bundles import Bundle, fault
from services.common.neural.devices import Device
from services.tts.engines.onnx.feeds import MMS, PIPER, Feeds, Sentence
from services.tts.engines.onnx.graph import Graph, NotSplit
from services.tts.engines.onnx.layouts import Described, Scales
from services.tts.engines.onnx.network import Parts, Whole
from services.tts.neural.running import Floats
from services.tts.neural.windows import Cutting

log = logging.getLogger(__name__)

TOLERANCE = 1e-4  # of samples, -1 to 1
_PROBE_FRAMES = 8  # kept of each window


def loaded(bundle: Bundle, voice: Described, used: Scales, device: Device) -> Parts | Whole:
    """Load and try a voice's network. Raises InvalidArgument for a file that is no such network."""
    graph, why = _prepared(bundle, voice)
    feeds = Feeds(graph.inputs, voice.scales, used)
    whole = Whole(devices.session(graph.model.SerializeToString(), device), feeds)
    tried = probes(voice)
    if not tried[0].ids:
        raise fault(bundle.folder, "There is no sound among its symbols.")
    try:
        expected = replace(whole, feeds=feeds.quiet).samples(tried)
    except StageFailed as error:
        raise fault(bundle.folder, f"{voice.model.name} fails on the symbols that its bundle names.") from error
    try:
        if why:
            raise NotSplit(why)
        parts = _split(graph, feeds, device)
        return replace(parts, padded=_agrees(replace(parts, feeds=feeds.quiet), tried, expected))
    except (NotSplit, InvalidArgument, StageFailed) as error:
        fields = {"bundle": bundle.manifest.name, "reason": str(error)}
        log.warning("voice computed whole: first sounds wait for the sentence", extra={"fields": fields})
    return whole


def probes(voice: Described) -> list[Sentence]:
    """Return two sentences for trials, of different lengths and speakers, in the voice's symbols."""
    ids = voice.symbols.some()
    return [Sentence(ids), Sentence(ids[: len(ids) // 2], speaker=max(voice.speakers.values(), default=0))]


def _prepared(bundle: Bundle, voice: Described) -> tuple[Graph, str]:
    """Return the graph with the inputs it is fed by, and the reason why it cannot be split, if any."""
    try:
        graph = Graph(onnx.load(voice.model))
    except (DecodeError, OSError) as error:
        raise fault(bundle.folder, f"{voice.model.name} cannot be read.") from error
    needed = {"piper": PIPER, "mms": MMS}[bundle.manifest.layout] | ({"sid"} if voice.speakers else set())
    if set(graph.inputs) != needed:
        inputs = ", ".join(graph.inputs)
        raise fault(bundle.folder, f"{voice.model.name} has the inputs {inputs}, not {', '.join(sorted(needed))}.")
    graph.batched(needed - {"scales"})
    try:
        graph.stretched()
        if bundle.manifest.layout == "mms":
            graph.with_noises()
    except NotSplit as error:
        if bundle.manifest.layout == "mms":
            raise fault(bundle.folder, f"No speaking rate can be set in {voice.model.name}: {error}.") from error
        return graph, str(error)
    return graph, ""


def _split(graph: Graph, feeds: Feeds, device: Device) -> Parts:
    at, durations = graph.decoder(), graph.durations()
    encoder = graph.part(graph.inputs, [durations, at.latent, *at.conditions])
    decoder = graph.part([at.latent, *at.conditions], [graph.output])
    sessions = devices.session(encoder, device), devices.session(decoder, device)
    return Parts(*sessions, at=at, durations=durations, feeds=feeds, padded=True)


def _agrees(parts: Parts, probes: Sequence[Sentence], expected: Sequence[Floats]) -> bool:
    """Return whether sentences may be padded. Raises NotSplit when the parts compute something else than the whole."""
    alone = [parts.latents([probe])[0] for probe in probes]
    for latent, samples in zip(alone, expected, strict=True):
        cuts = list(Cutting(parts.at.reach, _PROBE_FRAMES, _PROBE_FRAMES, even=False).windows(latent.count))
        made = parts.samples([latent.cut(each.start, each.stop) for each in cuts])
        hop = parts.at.hop
        kept = [m[(w.first - w.start) * hop : (w.last - w.start) * hop] for m, w in zip(made, cuts, strict=True)]
        if not _close(np.concatenate(kept), samples):
            raise NotSplit("its parts make other samples than the whole")
    try:
        together = parts.latents(probes)
    except StageFailed:  # one at a time then: the batcher halves a batch that fails
        return False
    return all(_close(a.frames, b.frames) for a, b in zip(alone, together, strict=True))


def _close(mine: Floats, others: Floats) -> bool:
    return mine.shape == others.shape and bool(np.allclose(mine, others, atol=TOLERANCE))
