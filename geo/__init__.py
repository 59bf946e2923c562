"""Networks, travel times and airspace. Knows nothing of emergencies; importing compiles nothing."""
