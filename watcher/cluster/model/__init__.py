"""The compute cluster as elements over columns, and moves tried out on top of it."""
