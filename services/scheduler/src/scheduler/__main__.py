"""`python -m scheduler`."""

from runtime.serving import serve
from scheduler.main import create_app

if __name__ == "__main__":
    serve(create_app)
