"""The driver of adopted hosts, which have no BMC that podyard may use."""
