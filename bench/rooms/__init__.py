"""Measurements of rooms: meetings over several edges, many listeners, density, and long runs."""
