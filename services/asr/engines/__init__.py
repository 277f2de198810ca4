"""Engines of the recognition stage, one folder each."""
