"""CodeConductor plugin: writes prompts from Jinja templates."""
