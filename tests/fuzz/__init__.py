"""A fuzzer of sequences: what strangers may send to a gateway and to stages, played against a mesh of processes.

`python -m tests.fuzz --seed N --seconds S` plays sequences for so long; `--only K` plays one again, `--minimise` cuts
it down. Hypothesis is not used: it plays one example at a time, and what is looked for comes of many at once.
"""
