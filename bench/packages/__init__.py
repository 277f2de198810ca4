"""What the distributions take of those who install them."""
