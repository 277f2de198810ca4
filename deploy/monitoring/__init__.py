"""What is watched: objectives, rules and dashboards, written by `python -m deploy.monitoring` from the Python here."""
