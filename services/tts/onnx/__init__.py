"""VITS voices on ONNX Runtime."""
