"""Makes hosts match their spec: from a BMC's address to a signed certificate."""
