"""Readings: what hosts draw, how warm they are, what leaks and what wears, over time."""
