"""Audit of adaptive KL: what public code computes under that name, beside the paper's loss."""
