"""The decision core: incidents, events, commands and policies, without clock, I/O or chance."""
