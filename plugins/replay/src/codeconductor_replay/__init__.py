"""CodeConductor plugin: recorded answers as models."""
