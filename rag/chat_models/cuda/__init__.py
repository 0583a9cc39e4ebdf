"""A Llama decoder for CUDA with its kernels; imported by `engines` alone."""
