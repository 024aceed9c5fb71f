"""CodeConductor plugin: models in this process, without any server."""
