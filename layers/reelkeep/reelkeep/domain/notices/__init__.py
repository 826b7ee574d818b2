"""Notifications: notices, operators' alerts, subscriptions, webhooks and their signatures."""
