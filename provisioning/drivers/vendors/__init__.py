"""What single makers' BMCs do against the standard, one small named quirk each."""
