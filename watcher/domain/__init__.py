"""Rules and values without input or output; standard library only."""
