"""CodeConductor plugin: Ollama."""
