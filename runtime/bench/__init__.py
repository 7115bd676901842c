"""`podyard bench allocator`: a site that does not exist, and somebody who checks every answer."""
