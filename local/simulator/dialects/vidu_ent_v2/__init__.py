"""Vidu's enterprise API, `/ent/v2`: the endpoints, their bodies, what is accepted at what price, and the list."""
