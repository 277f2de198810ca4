"""The translation stage (MT): gRPC service, shaping of texts, and engines."""
