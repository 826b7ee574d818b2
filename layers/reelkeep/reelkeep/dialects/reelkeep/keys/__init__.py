"""Keys: an owner's own, made, listed and revoked."""
