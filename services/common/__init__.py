"""Code shared by all services. Nothing in it depends on a particular stage."""
