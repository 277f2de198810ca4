"""Streaming recognizers of NeMo's on ONNX Runtime, on a GPU or not: the steps of all sessions are batched."""
