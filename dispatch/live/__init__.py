"""The live service: the decision core on the wall clock, with a database and HTTP."""
