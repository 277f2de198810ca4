"""Measurements of audio on its way in: loss, clocks, damaged files, FLAC, resampling."""
