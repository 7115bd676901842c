"""Expected hosts: read from lists, matched with BMCs that were found, made hosts."""
