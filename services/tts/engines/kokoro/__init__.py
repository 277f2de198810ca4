"""Kokoro-82M on ONNX Runtime: voices of several languages in one network."""
