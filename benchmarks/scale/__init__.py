"""A library on a PostgreSQL server beside one in a folder."""
