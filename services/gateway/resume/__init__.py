"""Where a session goes on in another call: signed handles, what a client has of it, and the calls that run."""
