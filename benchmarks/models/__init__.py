"""Language model speed on a CPU."""
