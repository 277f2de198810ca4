"""Engines of the translation stage."""
