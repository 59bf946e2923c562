"""The built-in town: invented, seeded, and written as a real extract so that one loader reads all."""
