"""Vidu's enterprise API, `/ent/v2`: the endpoints, their bodies, what is accepted at what price, and the list."""

from local.simulator.dialects import Serves
from local.simulator.dialects.vidu_ent_v2.server import routes as routes

SERVES = (Serves("vidu_ent_v2", ("viduq2", "vidu*")),)
