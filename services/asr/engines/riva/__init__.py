"""NVIDIA Riva: one call of StreamingRecognize for each segment, on the stubs of nvidia-riva-client."""
