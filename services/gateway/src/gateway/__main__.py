"""`python -m gateway`."""

import sys

from runtime.service import serve

from gateway.accounts import Misconfigured
from gateway.main import create_app

if __name__ == "__main__":
    try:
        serve(create_app)
    except Misconfigured as error:
        sys.exit(f"gateway: {error}")
