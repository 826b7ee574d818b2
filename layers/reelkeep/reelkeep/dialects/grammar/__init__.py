"""What dialects share: reading strictly from clients and leniently from providers, and the words of a family."""
