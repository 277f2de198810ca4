"""Code shared by recognizers on neural networks."""
