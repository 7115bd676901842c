"""The IPMI driver, for BMCs without Redfish. Off unless a site switches it on."""
