"""sherpa-onnx with the models of its zoo: streaming ones, and ones that hear whole segments, made streaming."""
