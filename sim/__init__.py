"""The SimPy world: arrests, people and ambulances that drive the decision core through years."""
