"""Finds each kind of personal data from one unit of a text on. Pure."""
