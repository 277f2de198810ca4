"""Code shared by translators on neural networks: decoding loops, tokens, terms, and graphs."""
