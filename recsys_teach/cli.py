"""What `recsys-teach` can do: open the course, test it, fetch the data, say what is missing, update."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import typer
from rich.console import Console

from recsys_teach.files import REPOSITORY

# Heavy things are imported where they are used, so that the help comes at once.
START = Path("chapters") / "00_start_here.ipynb"
QUIET = (  # JupyterLab neither asks for news nor looks for updates or extensions
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
HAND_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print a line as it is: what stands in brackets is text, not markup."""
    console.print(line, markup=False)


def run(command: list[str], env: dict[str, str] | None = None) -> int:
    """Run a program in the repository's folder and give its exit code; Ctrl-C is the program's to answer."""
    with subprocess.Popen(command, cwd=REPOSITORY, env=env) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())  # or it would outlive us
        while True:
            try:
                code = child.wait()
                return code if code >= 0 else 128 - code  # ended by a signal, as shells count it
            except KeyboardInterrupt:
                continue


@app.command(context_settings=HAND_ON)
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the first chapter; further arguments go to JupyterLab."""
    if not (REPOSITORY / START).exists():
        say(f"There is no {START} in {REPOSITORY}. Get it back with: git checkout -- chapters")
        say("In a copy without git, download the course again. Authors type: python authoring/build.py")
        raise typer.Exit(1)
    say("JupyterLab opens in your browser. To end it, come back here and press Ctrl-C twice.")
    raise typer.Exit(run([sys.executable, "-m", "jupyterlab", str(START), *QUIET, *context.args]))


@app.command(context_settings=HAND_ON)
def test(context: typer.Context) -> None:
    """Run every test and every notebook; further arguments go to pytest, for example: -k movielens."""
    from recsys_teach.kernel_env import kernel_env

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *context.args]
        raise typer.Exit(run(command, kernel_env(Path(home))))


@app.command()
def fetch() -> None:
    """Fetch the real data, MovieLens-100K, unless they are there."""
    from recsys_teach import movielens

    try:
        movielens.fetch(say=say)
    except movielens.FetchError as error:
        say(str(error))
        raise typer.Exit(1) from None


@app.command()
def doctor() -> None:
    """Say what is there, what is missing, and the mend for each."""
    from recsys_teach.doctor import findings

    found = findings()
    for finding in found:
        say(f"{'[ok]  ' if finding.ok else '[mend]'} {finding.what:<12} {finding.says}")
    broken = sum(finding.needed and not finding.ok for finding in found)
    say(f"\n{broken} to mend." if broken else "\nAll that the course needs is there.")
    raise typer.Exit(int(broken > 0))


@app.command()
def progress() -> None:
    """Show which objectives you have shown."""
    from recsys_teach.learn import progress

    progress()


@app.command()
def update() -> None:
    """Get the newest chapters; what you changed is kept."""
    from recsys_teach.update import UpdateError, update

    try:
        done = update(REPOSITORY)
    except UpdateError as error:
        say(str(error))
        raise typer.Exit(1) from None
    for line in done.lines():
        say(line)


if __name__ == "__main__":
    app()
