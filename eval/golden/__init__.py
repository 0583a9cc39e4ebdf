"""Golden questions: their file, their gold passages and drafts of new ones."""
