"""A mesh of local processes: started, kept alive, and stopped together."""
