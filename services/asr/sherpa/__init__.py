"""Recognizers of sherpa-onnx's model zoo."""
