"""The speech synthesis stage (TTS): gRPC service, trimming of silence, and engines."""
