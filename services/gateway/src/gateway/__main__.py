"""`python -m gateway`."""

import sys

from gateway.accounts import Misconfigured
from gateway.main import create_app
from runtime.serving import serve

if __name__ == "__main__":
    try:
        serve(create_app)
    except Misconfigured as error:
        sys.exit(f"gateway: {error}")
