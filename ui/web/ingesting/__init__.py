"""The ingest in the web app: jobs that tabs follow, watched folders, failures."""
