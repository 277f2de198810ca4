"""How many replicas are wanted, told to an autoscaler."""
