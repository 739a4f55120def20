"""What runs the life of actions."""
