"""ONNX's own backend tests, through generated C."""
