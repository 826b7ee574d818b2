"""A wire format a module, from the provider's side: each has `routes(simulator)`."""

from collections.abc import Callable

from starlette.routing import BaseRoute

from local.simulator.dialects import new_api, vidu_native, vidu_v1, volc_ark
from local.simulator.dialects.vidu_ent_v2 import server as vidu_ent_v2
from local.simulator.simulator import Simulator

DIALECTS: tuple[Callable[[Simulator], list[BaseRoute]], ...] = (
    new_api.routes,
    vidu_ent_v2.routes,
    vidu_native.routes,
    vidu_v1.routes,
    volc_ark.routes,
)
