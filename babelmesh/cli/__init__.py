"""The command line, and what it shows and leaves on disk."""
