"""What engines on neural networks share: model bundles, devices, and batches across sessions."""
