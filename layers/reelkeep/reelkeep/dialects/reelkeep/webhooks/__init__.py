"""Webhooks: the addresses that get messages about an owner's tasks, and what they were sent."""
