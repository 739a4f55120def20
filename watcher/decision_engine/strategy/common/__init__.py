"""Import paths kept for strategies packaged outside this tree."""
