"""One use case a file; what it needs from outside comes in as keyword arguments."""
