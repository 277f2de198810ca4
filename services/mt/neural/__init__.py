"""What translators on neural networks share: whose text is decoded next, tokens, terms, and graphs."""
