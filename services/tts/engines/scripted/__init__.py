"""A scripted engine, which emits a tone as long as the text: for tests, load, and simulated slow devices."""
