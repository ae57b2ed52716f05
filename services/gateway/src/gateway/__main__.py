"""`python -m gateway`."""

from gateway.connections import BoundedProtocol
from gateway.main import create_app
from runtime.serving import serve

if __name__ == "__main__":
    serve(create_app, http=BoundedProtocol)
