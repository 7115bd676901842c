"""A host's drives between tenants: what they can, how they are erased in band, what is left."""
