"""The acceptance ladder on a host: the vendors' and everybody's own tools, and what they say."""
