"""Finds personal data and profanity in source text, and puts placeholders in their place. Pure."""
