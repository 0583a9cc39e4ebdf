"""HTML of the web app: answers, sources, notes, scopes and status."""
