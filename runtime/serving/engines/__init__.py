"""Adapters: one module per engine, each imported only where its library is installed."""
