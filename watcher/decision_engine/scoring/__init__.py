"""Scoring engines: functions that strategies may call by name."""
