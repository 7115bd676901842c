"""Pages by address. Thin: each loads, makes a view, and renders it."""
