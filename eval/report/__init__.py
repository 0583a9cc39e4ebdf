"""Reports of a run as text and as one HTML page."""
