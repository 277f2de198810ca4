"""Measurements of load: many sessions, batches, tiers, leaks, scaling, proxies."""
