"""What stands between the grid and the hosts: feeds, breakers, PDUs, shelves, coolant, switches."""
