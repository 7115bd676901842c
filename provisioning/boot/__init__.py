"""What a host boots from, and the token that it proves itself with."""
