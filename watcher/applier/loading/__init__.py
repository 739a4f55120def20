"""Import paths of the classic loaders."""
