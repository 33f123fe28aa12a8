"""Turns a trained model into a verified, published version.

Converters import onnxruntime through other libraries, so its telemetry is switched off first.
"""

import lading.functions.inference  # noqa: F401 switches it off
