"""Traces, metrics and logs, and how they leave a process. Never any text, audio, token or address."""
