"""Who is told what: notices, operators' alerts, subscriptions, webhooks and their signatures."""
