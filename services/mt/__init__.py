"""The translation stage."""
