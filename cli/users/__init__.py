"""What those do who use a stack: they know its URL and have a key."""
