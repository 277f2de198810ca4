"""A client's messages on their way in: read, bounded, decoded, and put in order on the session's audio clock."""
