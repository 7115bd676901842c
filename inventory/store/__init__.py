"""Durable records: the port, the schema, and SQL behind it."""
