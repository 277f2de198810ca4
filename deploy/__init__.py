"""How Babelmesh is put where it runs: manifests, images, monitoring."""
