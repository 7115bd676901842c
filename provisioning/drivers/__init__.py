"""Drivers: how a host's BMC is spoken to, behind the port in `protocol`."""
