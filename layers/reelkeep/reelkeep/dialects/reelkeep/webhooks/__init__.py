"""Webhooks: which addresses are told of an owner's tasks, and what they were sent."""
