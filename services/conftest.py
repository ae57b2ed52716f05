"""What holds for the tests of every service."""

from collections.abc import Iterator

import pytest

from runtime import faults
from runtime.settings import ServiceSettings


@pytest.fixture(autouse=True)
def _no_fault_outlives_its_test() -> Iterator[None]:
    yield
    faults.plant(ServiceSettings())
