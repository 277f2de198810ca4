"""The command line: its commands, their views of a session, and the files they write."""
