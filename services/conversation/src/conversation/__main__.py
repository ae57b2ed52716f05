"""`python -m conversation`."""

from conversation.main import create_app
from runtime.service import serve

serve(create_app)
