"""Measurements of translation: engines, ways of pairs, glossaries, memory."""
