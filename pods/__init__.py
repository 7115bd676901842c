"""What a pod must be: designs, and everything that is measured against them, as pure data."""
