"""A garden: plants that get dry and are watered."""
