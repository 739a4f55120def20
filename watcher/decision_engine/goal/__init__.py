"""What audits can be asked to pursue."""
