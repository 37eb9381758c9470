"""One module for each simulated provider: its paths, field names, encodings and error bodies."""
