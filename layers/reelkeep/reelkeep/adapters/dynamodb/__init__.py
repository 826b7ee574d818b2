"""The table: tasks and their indexes, keys, claims, subscriptions, webhooks, and the stream of its changes."""
