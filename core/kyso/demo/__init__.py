"""`kyso demo`: the whole story on made-up, clearly marked data."""
