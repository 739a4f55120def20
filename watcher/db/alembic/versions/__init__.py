"""One module per revision; each finds out by inspection what is left to do."""
