"""Signing: prepare, sign, finish."""
