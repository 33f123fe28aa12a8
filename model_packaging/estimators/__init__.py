"""scikit-learn's estimators as ONNX graphs, put together piece by piece.

`composition` walks through pipelines, column transformers and ensembles; `trees` and `encoders`
convert what skl2onnx would convert wrongly, and `leaves` hands everything else to skl2onnx.
"""
