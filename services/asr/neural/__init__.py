"""What recognizers on neural networks share."""
