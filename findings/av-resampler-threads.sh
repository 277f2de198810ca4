#!/usr/bin/env bash
# PyAV 18.1.0 (av): each AudioResampler starts as many threads as the machine has processors, and keeps them for its life.
#
# Expected: a resampler computes in the thread that calls it. Nothing of what it is built from works in slices, and it takes no option
#           about threads.
# Instead:  with its first frame it makes a filter graph, and a graph left alone starts a thread for each processor, whether a filter
#           in it can use them or not. A graph of one's own has `threads`, which has to be set to 1 before any filter is added.
# Matters:  a service for live speech has one resampler a session: 200 sessions on 64 processors are 12,800 idle threads, which a
#           container's limit on processes ends long before memory does.
# Seen:     the threads of a gateway grew with its sessions that sent 8 kHz audio.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check av==18.1.0 numpy

"$folder/venv/bin/python" - <<'PYTHON'
import os
import sys

import av
import numpy as np
from av.filter import Graph

COUNT = 10


def threads():
    return len(os.listdir("/proc/self/task"))


def frame():
    made = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
    made.sample_rate = 8_000
    return made


before = threads()
resamplers = [av.AudioResampler(format="s16", layout="mono", rate=16_000) for _ in range(COUNT)]
for resampler in resamplers:
    resampler.resample(frame())
started = threads() - before
del resampler, resamplers

before, graphs = threads(), []
for _ in range(COUNT):
    graph = Graph()
    graph.threads = 1
    ends = graph.add_abuffer(sample_rate=8_000, format="s16", layout="mono"), graph.add("aresample", "16000"), graph.add("abuffersink")
    ends[0].link_to(ends[1])
    ends[1].link_to(ends[2])
    graph.configure()
    graph.push(frame())
    graphs.append(graph)
by_graphs = threads() - before

print(f"{COUNT} resamplers started {started} threads on {os.cpu_count()} processors; {COUNT} graphs of one thread each: {by_graphs}")
sys.exit(not (started >= COUNT and by_graphs == 0))
PYTHON
