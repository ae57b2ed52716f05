"""`python -m conversation`."""

from conversation.main import create_app
from runtime.serving import serve

serve(create_app)
