"""The notifier on its own as a fixture, with the platforms behind it."""

from collections.abc import Mapping

from devstack.service_rig import ServiceRig


class NotifierRig(ServiceRig):
    """Some notifiers, a nats-server and the simulator, in a passing folder.

    `async with NotifierRig(replicas=4) as rig: ...`. Messages are put into OUTBOUND and BULK as
    the conversation does; their results stay in DELIVERY, and the simulator counts the calls. No
    webhook is registered, so that nothing comes in.
    """

    def __init__(
        self,
        *,
        replicas: int = 1,
        environment: Mapping[str, str] | None = None,
        platforms: Mapping[str, str] | None = None,
    ) -> None:
        """As a `ServiceRig` of notifiers."""
        super().__init__(
            "notifier", replicas=replicas, environment=environment, platforms=platforms
        )
