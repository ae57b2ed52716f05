"""The gateway on its own as a fixture, with the platforms before it."""

from collections.abc import Mapping

from devstack.registering import register_webhooks
from devstack.service_rig import ServiceRig


class GatewayRig(ServiceRig):
    """Some gateways, a nats-server and the simulator, in a passing folder.

    `async with GatewayRig(replicas=4) as rig: ...`. Nobody reads INBOUND, so all that came in
    stays there to be looked at. The simulator posts to the first gateway.
    """

    def __init__(
        self,
        *,
        replicas: int = 1,
        environment: Mapping[str, str] | None = None,
        platforms: Mapping[str, str] | None = None,
    ) -> None:
        """As a `ServiceRig` of gateways."""
        super().__init__("gateway", replicas=replicas, environment=environment, platforms=platforms)

    async def _introduce(self) -> None:
        here = {**self.values, "PUBLIC_URL": self._ports.url("gateway")}
        await register_webhooks(here, self._home / "log", "--platform", "telegram")
