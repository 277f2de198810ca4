"""Text and languages, as all services handle them."""
