"""Subscriptions: who is told of an owner's tasks, of which of them, and how."""
