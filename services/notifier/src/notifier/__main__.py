"""`python -m notifier`."""

from notifier.main import create_app
from runtime.service import serve

serve(create_app)
