"""Bring-ups of thousands of hosts, to be measured: in virtual time, and for real over HTTPS."""
