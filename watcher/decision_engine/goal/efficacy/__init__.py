"""How the worth of a plan is measured, goal by goal."""
