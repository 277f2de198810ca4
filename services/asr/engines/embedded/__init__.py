"""pocketsphinx on the CPU, with the English model of its wheel: one child program per session."""
