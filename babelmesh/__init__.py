"""Live speech translation: client, command line and local mesh."""
