"""What exists, in which state, who holds it: the only package that writes records."""
