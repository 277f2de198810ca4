"""A mesh of local processes: starts them, keeps them alive, and stops them together."""
