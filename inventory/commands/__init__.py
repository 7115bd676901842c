"""The command line's nouns of the inventory, one file per subject."""
