"""VITS voices, as Piper and MMS publish them, on ONNX Runtime: on a GPU or not, in batches across sessions."""
