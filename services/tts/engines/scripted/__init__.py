"""An engine that sings a tone as long as the text: for tests, load, and the simulation of a slow device."""
