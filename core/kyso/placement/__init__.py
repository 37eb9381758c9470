"""Deciding where a signature goes: the settings of policies, shared layout, and the policies that every house needs."""
