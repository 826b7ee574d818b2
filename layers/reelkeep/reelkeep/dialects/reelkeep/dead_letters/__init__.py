"""Dead letters, for operators."""
