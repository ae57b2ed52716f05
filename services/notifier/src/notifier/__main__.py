"""`python -m notifier`."""

from notifier.main import create_app
from runtime.serving import serve

serve(create_app)
