"""The Redfish driver. `session` is its only door to the outside library."""
