"""Our inference beside that of the libraries which run the same weights."""
