"""Import paths of the classic plugin loader."""
