"""Measurements of what one client can do to the others."""
