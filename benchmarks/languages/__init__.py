"""The search in other languages than English."""
