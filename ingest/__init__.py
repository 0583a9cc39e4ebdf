"""Notes to a library: files read, cut into chunks, embedded and saved."""
