"""Which units a claim gets: pure, in memory, fed by events."""
