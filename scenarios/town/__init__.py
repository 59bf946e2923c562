"""The built-in town: invented, seeded, written as a real extract, so that one loader reads all."""
