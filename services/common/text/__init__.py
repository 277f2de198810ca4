"""Text and languages as all services see them."""
