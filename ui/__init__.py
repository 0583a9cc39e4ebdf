"""The user interfaces: command line and web app."""
