"""Measurements of whole sessions: quality over latency, long talks, and peers."""
