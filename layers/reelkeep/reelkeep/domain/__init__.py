"""Values and rules: what a task is, how it may move, what may go wrong. No input or output."""
