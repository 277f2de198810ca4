"""How much each tenant may have: quotas, the leases they are drawn from, and what was used."""
