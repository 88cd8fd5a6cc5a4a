"""Real models are made from their configs alone: nothing is ever downloaded."""

from __future__ import annotations

import os

# Read when the libraries are imported, which is after this.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
