"""What the service remembers: one database, written in one transaction per happening."""
