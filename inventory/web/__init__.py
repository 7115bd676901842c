"""Web pages: what people look at, rendered here and kept current by the stream of events."""
