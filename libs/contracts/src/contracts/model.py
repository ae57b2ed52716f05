"""The base of every value on the wire."""

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value.

    Unknown fields are ignored when read, so that a newer service may add a field while an older
    one still runs beside it; the golden samples in the tests see to it that none is added by
    mistake.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
