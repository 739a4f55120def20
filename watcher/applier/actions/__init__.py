"""The actions that plans are made of."""
