"""Tests of the KBNN plugin."""
