"""Converts scikit-learn's estimators to ONNX graphs, piece by piece.

`composition` walks through pipelines and column transformers; modules in `kinds` convert estimators
that skl2onnx would convert wrongly, and `kinds.leaves` passes all others to skl2onnx.
"""
