"""Code shared by voices on neural networks."""
