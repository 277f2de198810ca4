"""An engine on Firefox Translations' models, computed by ONNX Runtime."""
