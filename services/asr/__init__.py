"""The recognition stage (ASR): gRPC service, segmentation of speech, and engines."""
