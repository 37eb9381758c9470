"""Checking signed documents: integrity, changes, chain, revocation, verdict."""
