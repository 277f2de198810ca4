"""espeak-ng: formant synthesis in over a hundred languages, on the CPU. GPL: it runs as a program beside us."""
