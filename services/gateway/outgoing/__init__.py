"""Messages on their way out to one client."""
