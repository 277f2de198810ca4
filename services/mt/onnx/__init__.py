"""Translation models as ONNX graphs: read, rebuilt for decoding many texts at once, and searched."""
