"""Concluded text to speech, for each target language."""
