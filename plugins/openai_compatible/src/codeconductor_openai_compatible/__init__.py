"""CodeConductor plugin: any server with OpenAI's chat-completion protocol."""
