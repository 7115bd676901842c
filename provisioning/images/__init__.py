"""What hosts run: built from Debian packages, named by content, signed, verified, written."""
