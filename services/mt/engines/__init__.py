"""Engines of the translation stage, one folder each."""
