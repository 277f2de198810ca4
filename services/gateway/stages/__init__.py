"""Calls to the stages: their replicas, tries, and what the client is told while a stage is away."""
