"""Apertium: rules and dictionaries, no weights, on the CPU. GPL: it runs as programs beside us, never inside."""
