"""Measurements of recognition: words, speed, endpoints, noise, languages."""
