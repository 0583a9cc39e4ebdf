"""A library as a course of a PostgreSQL server with pgvector.

Only this package imports psycopg.
"""
