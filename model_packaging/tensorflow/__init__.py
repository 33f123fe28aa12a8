"""Models of TensorFlow: what its converter reads, freezes and turns into ONNX."""
