"""Providers: which there are, which one serves a request, and how each is spoken to."""
