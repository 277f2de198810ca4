"""What was concluded in sessions, kept encrypted where a tenant asks for it."""
