"""Carries action plans out: from a started plan to a changed cloud."""
