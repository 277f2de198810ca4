"""Wyoming, the protocol of Home Assistant's voice programs, over TCP: recognition, and speech of translated text."""
