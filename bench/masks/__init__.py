"""Measures what masks find in sentences, and what they cost."""
