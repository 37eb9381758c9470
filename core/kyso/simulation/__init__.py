"""What every simulator shares: people with keys, transactions, the phone page, scenarios. Needs the extra `serve`.

A simulator is a real HTTP server with a provider's own paths, field names, encodings and error bodies, for
integrators for whom no public sandbox exists, and for the tests. Its keys are made up at start and worth nothing.
"""
