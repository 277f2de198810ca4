"""What the services share. It knows no stage."""
