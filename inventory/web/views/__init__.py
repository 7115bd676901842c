"""What each page shows, as plain values made from records by pure functions."""
