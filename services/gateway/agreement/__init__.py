"""What a client asks for, and what it is granted: terms, targets, glossary, and a slot."""
