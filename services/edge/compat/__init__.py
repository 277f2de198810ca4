"""Endpoints that speak the protocols of others, each a subset of ours."""
