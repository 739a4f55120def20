"""What part of the cluster an audit may look at."""
