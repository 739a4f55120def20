"""Rules that every plan obeys, each able to search and to judge."""
