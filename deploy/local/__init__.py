"""Rendered Kubernetes manifests as processes of this machine: what they set is known to work before a cluster has it.

A tool for developers and tests, no orchestrator. Imitated: Deployments' replicas (an HPA's least where they are left to
it), images as their modules, commands, environments, gRPC probes, restarts, preStop and grace, Services' names. Not
imitated: limits of memory and CPU, users and capabilities, read-only file systems, volumes, NetworkPolicies,
PodDisruptionBudgets, rolling updates, and whatever asks the cluster's API (it is not started).
"""
