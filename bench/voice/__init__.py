"""Measurements of voices: how they sound, how fast they are, how they keep up."""
