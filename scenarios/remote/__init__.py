"""The built-in remote district: a coast, three valleys and an island, invented and seeded."""
