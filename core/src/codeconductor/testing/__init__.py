"""For authors of plugins: scripted servers, values to test with, and the conformance kit (extra `testing`)."""
