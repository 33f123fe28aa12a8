"""The inference service.

onnxruntime starts its telemetry when it is imported: it writes a device id below HOME and sends
events to its maker. Only this variable, set before that import, prevents it, so it is set here, for
every module of ours and for every process that they start.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
