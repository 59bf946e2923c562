"""Networks, travel times and airspace. Knows nothing of emergencies; its import compiles nothing."""
