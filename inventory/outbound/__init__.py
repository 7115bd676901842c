"""What the service sends to addresses that people gave it: signed, retried, and never inwards."""
