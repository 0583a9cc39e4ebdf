"""Studying at the terminal: items made, asked, exported."""
