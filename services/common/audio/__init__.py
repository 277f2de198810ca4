"""Audio as numpy arrays: formats, rates and filters."""
