"""Measures kyso against pyHanko, in the same run on the same machine: ``python -m tests.bench`` or ``make bench``.

Ratios and medians are what counts; single milliseconds depend on the machine. Nothing here runs in the ordinary tests
except one small round of each measurement, which keeps them working and asserts nothing about time.
"""
