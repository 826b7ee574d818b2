"""Reelkeep's own API: the words of this project, and errors as problem details (RFC 9457)."""
