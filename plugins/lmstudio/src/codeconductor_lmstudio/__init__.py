"""CodeConductor plugin: LM Studio."""
