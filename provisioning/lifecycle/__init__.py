"""One file per state, one pure function in each."""
