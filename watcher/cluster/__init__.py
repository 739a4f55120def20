"""The cloud as data, and the rules that judge it; used by all engines."""
