"""What is done to one host, by subject; `provisioning.acting` chooses among them."""
