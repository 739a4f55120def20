"""Put the actions of a solution in order."""
