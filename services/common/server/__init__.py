"""A gRPC server as every service runs it: its ports, its admission, its state, and how it ends."""
