"""The decision core: incidents, events, commands, policies, roster. No clock, no I/O, no chance."""
