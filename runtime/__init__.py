"""Runs work on compute units: agents, Ray clusters, models, the gateway."""
