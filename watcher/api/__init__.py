"""HTTP in, records out."""
