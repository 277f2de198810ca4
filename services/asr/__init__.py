"""The recognition stage."""
