"""Reads clouds into models and keeps the models fresh."""
