"""How a BMC becomes podyard's own: an account that nobody else knows."""
