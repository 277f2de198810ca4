"""Engines of the recognition stage."""
