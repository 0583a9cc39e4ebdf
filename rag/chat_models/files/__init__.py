"""Model files on disk: GGUF, tokenizers, adapters and the cache."""
