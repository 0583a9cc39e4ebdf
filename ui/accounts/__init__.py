"""The people of a server: accounts, roles, sessions."""
