"""Audio as numpy arrays: its formats, rates and filters."""
