"""Inference engines: llama.cpp, OpenVINO and transformers."""
