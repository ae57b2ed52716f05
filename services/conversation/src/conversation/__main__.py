"""`python -m conversation`."""

from conversation.main import create_app
from runtime.serving import serve

if __name__ == "__main__":
    serve(create_app)
