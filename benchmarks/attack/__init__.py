"""Attacks on everything that Lectern keeps or serves, counted by kind. Nothing leaves this machine."""
