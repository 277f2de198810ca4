"""Who may call: bearer tokens, the keys that sign them, and what they grant."""
