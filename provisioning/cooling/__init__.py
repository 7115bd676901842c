"""Coolant distribution units: what their leak detectors say, and the loops that close for it."""
