"""An engine that marks every word with its target: for tests, load, and the simulation of a GPU's batches."""
