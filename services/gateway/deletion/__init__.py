"""Which pods are idle, told to Kubernetes by a process of its own."""
