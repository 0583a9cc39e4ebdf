"""Download of presets: sources, resumable files and digests."""
