"""Speed of the evidence scorer."""
