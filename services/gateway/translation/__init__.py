"""Transcripts to concluded text, for each target language."""
