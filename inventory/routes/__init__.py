"""The API's routes, one file per noun. Each wraps a short function that only talks to the store."""
