"""Fakes of ports, written by hand: as small as can be, and held to the same tests as what they stand for."""
