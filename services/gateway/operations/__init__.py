"""What those who run a gateway see of it."""
