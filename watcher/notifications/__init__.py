"""What other systems are told: published payloads, written with the rows they describe."""
