"""TLS between services and towards clients: files that are read anew, who may call, and where plaintext is refused."""
