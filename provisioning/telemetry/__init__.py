"""Telemetry: every powered host is read about once a minute, and what BMCs tell is taken in."""
