"""The Redfish face of a simulated host: resources out of its state, requests into its acts."""
