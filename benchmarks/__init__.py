"""One command that measures this package and its peers on the same photographs and machine; README.md explains it."""

import os

# onnxruntime sends usage data unless this is set before its first import; every process started here inherits it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
