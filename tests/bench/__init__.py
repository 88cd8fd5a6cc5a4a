"""The speed of initkit beside that of its peers, measured side by side in one run."""
