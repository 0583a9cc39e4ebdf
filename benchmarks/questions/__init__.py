"""Questions that one sentence cannot answer, with checkable keys."""
