"""A hall of simulated hosts: one HTTPS Redfish service each, with power, boot, firmware and faults.

It is a separate process with its own journal, so it can judge what a controller really did, and it
outlives that controller. Nothing in it knows podyard's records: it is the hardware's side.
"""
