"""HTTP: bodies, addresses and errors of the service. Nothing is decided here."""
