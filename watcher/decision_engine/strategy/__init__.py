"""Strategies: how a goal is pursued."""
