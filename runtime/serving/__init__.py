"""What runs inside a cluster to answer prompts, and how a cluster is told to run it."""
