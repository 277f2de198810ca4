"""The speech synthesis stage."""
