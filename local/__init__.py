"""The local cloud: the deployed stack on one machine, without Docker and without an account."""
