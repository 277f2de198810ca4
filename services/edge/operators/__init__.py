"""The page of those who run the mesh: who may see it, and what a gateway tells it."""
