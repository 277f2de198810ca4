"""What measurements share: the mesh under measurement, sessions and their events, tables and goals."""
