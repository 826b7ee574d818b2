"""Subscriptions: who gets notices of an owner's tasks, of which of them, and how."""
