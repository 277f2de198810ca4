"""Marian and M2M100 models on ONNX Runtime, on a GPU or not, decoding the texts of all sessions together."""
