"""A scripted engine, which makes up words from the amount of loud audio: for tests, load, and simulated GPU batches."""
