"""Training code of the embedding; the package itself never imports it."""

import os

# onnxruntime sends usage data unless this is set before its first import; every process started here inherits it.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
