"""A session's accounts: how far the work lies behind, when each thing happened, and what was measured of it."""
