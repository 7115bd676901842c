"""Work inside the host: playbooks."""
