"""Cache-aware streaming recognizers on ONNX Runtime, in the layout of NeMo's exports as sherpa-onnx publishes them."""
