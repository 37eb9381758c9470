"""kyso plugin."""
