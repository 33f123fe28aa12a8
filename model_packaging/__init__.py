"""A trained model becomes a verified, published version.

Converters import onnxruntime through libraries of their own, so its telemetry is off before any.
"""

import lading.functions.inference  # noqa: F401 switches it off
