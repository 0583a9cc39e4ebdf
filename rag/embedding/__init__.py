"""Text to vectors: the embedder, its engines and the choice between them."""
