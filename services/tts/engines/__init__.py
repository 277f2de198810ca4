"""Engines of the speech synthesis stage, one folder each."""
