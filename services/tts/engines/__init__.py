"""Engines of the speech synthesis stage."""
