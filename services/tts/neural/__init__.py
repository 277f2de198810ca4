"""What voices on neural networks share."""
