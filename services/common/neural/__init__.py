"""Code shared by engines on neural networks: model bundles, devices, and batches across sessions."""
