"""The chain of schema revisions: the published ones under their ids, then our own."""
