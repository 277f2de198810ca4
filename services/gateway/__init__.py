"""The gateway: one session per call, the three stages behind it."""
