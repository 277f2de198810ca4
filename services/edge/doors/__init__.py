"""What is decided before a connection is upgraded: origins, tokens and limits."""
