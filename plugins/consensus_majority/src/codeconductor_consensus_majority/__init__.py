"""CodeConductor plugin: decides by majority, by weights or by the best model."""
