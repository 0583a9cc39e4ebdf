"""Training rows to a LoRA adapter."""
