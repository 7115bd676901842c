"""`podyard bench allocator` and `gateway`: a site or an engine that does not exist, and a judge."""
