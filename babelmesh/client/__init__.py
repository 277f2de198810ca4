"""The client of a mesh: sessions that survive lost connections, and what they yield."""
