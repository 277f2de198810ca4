"""Model bundles on this machine: listed, fetched from a hub, made of a folder, checked, and chosen for a mesh."""
