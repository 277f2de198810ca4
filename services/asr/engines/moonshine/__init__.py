"""Moonshine on ONNX Runtime: windows of speech, recognized again as they grow. See docs/engines/asr-moonshine.md."""
