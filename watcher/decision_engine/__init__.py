"""From cluster and goal to an action plan."""
