"""A verification as text and JSON."""
