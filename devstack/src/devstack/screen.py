"""What a person sees of it: progress, one banner, and what happens later."""

import time

from rich.console import Console
from rich.table import Table

from devstack.options import Options


class Screen:
    """A terminal gets colours and a spinner, a pipe plain lines."""

    def __init__(self) -> None:
        self._console = Console(highlight=False, soft_wrap=True)
        self._began = time.monotonic()
        self._status = self._console.status("starting")
        self._waiting: list[str] = []

    @property
    def is_terminal(self) -> bool:
        """Whether a person watches."""
        return self._console.is_terminal

    def begin(self) -> None:
        """The start begins."""
        if self.is_terminal:
            self._status.start()

    def doing(self, what: str) -> None:
        """A step of the start begins, beside others."""
        self._waiting.append(what)
        self._show_waiting()

    def done(self, what: str) -> None:
        """That step is behind us."""
        seconds = time.monotonic() - self._began
        self._console.print(f"[green]✓[/] {what} [dim]{seconds:.1f} s[/]")
        if what in self._waiting:
            self._waiting.remove(what)
            self._show_waiting()

    def _show_waiting(self) -> None:
        self._status.update(f"waiting for {', '.join(self._waiting)}" if self._waiting else "")

    def say(self, what: str) -> None:
        """Something happened."""
        self._console.print(what, markup=False)

    def failed(self, why: str) -> None:
        """The start did not succeed."""
        self._status.stop()
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"turnout cannot start: {why}", markup=False, style="red"
        )

    def stopping(self) -> None:
        """The end begins."""
        self._status.stop()
        self.say("stopping")

    def banner(self, options: Options) -> None:
        """Where everything is, then `ready` on a line of its own."""
        self._status.stop()
        ports = options.ports
        table = Table.grid(padding=(0, 2))
        for what, where in (
            ("Two phones and a mailbox", ports.url("simulator")),
            ("Organiser's API", f"{ports.url('registry')}/docs"),
            ("Logs", str(options.home / "log")),
            ("Stop", "Ctrl-C"),
        ):
            table.add_row(f"[bold]{what}[/]", where)
        self._console.print()
        self._console.print(table)
        self._console.print()
        # Others wait for this line.
        print("ready", flush=True)
