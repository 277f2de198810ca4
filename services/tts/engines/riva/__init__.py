"""NVIDIA Riva: SynthesizeOnline, on the stubs of nvidia-riva-client."""
