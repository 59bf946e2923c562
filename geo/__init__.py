"""Networks, travel times and airspace. Knows nothing of emergencies; importing it compiles nothing."""
