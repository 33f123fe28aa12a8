"""The readable page about a packaged version: one HTML file, nothing loaded from elsewhere."""
