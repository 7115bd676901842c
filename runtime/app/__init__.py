"""The service: every port is opened, every loop is built and handed its world, here and only here.

One process does everything by default; `--role` leaves parts of it to other machines. Order
matters twice: sockets are bound before anything works, so that a port in use is told at once; and
at the end the loops stop first, then the doors, so that nothing new begins while things end.
"""
