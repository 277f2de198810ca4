"""What the edge adds: latency, memory, processor time, and what is lost when one dies."""
