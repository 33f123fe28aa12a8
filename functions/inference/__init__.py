"""The inference service.

When onnxruntime is imported, it starts its telemetry: it writes a device id below HOME and sends
events to Microsoft. Only this variable, set before that import, prevents it; it is set here, for
every module of the service and for every process that these start.
"""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"
