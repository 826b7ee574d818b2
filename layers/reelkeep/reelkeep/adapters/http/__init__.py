"""HTTP to the outside: the one guarded door to addresses that others gave us, and the connections to AWS."""
