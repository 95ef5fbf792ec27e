"""What `recsys-teach` can do: open the course, test it, fetch the data, say what is missing, update."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import typer
from rich.console import Console

from recsys_teach.files import REPOSITORY

# Heavy things are imported where they are used, so that the help comes at once.
START = Path("chapters") / "00_start_here.ipynb"
QUIET = (  # JupyterLab does not look for updates or extensions
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
LAB_SETTINGS = Path(__file__).resolve().parent / "lab_settings"  # defaults of JupyterLab: it does not ask about news
FOR_TESTS = ("pytest", "nbval", "xdist", "jupytext")  # from the extra dev
HAND_ON = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print a line as it is: what is in brackets is text, not markup."""
    console.print(line, markup=False)


def run(command: list[str], env: dict[str, str] | None = None) -> int:
    """Run a program in the repository's folder and return its exit code; the program answers Ctrl-C itself."""
    with subprocess.Popen(command, cwd=REPOSITORY, env=env) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())  # or it would outlive us
        while True:
            try:
                code = child.wait()
                return code if code >= 0 else 128 - code  # ended by a signal, as shells count it
            except KeyboardInterrupt:
                continue


def in_container() -> bool:
    """Tell whether this is a container, or Linux inside Windows, where root is the usual user."""
    signs = ("/.dockerenv", "/run/.containerenv", "/run/WSL")
    variables = ("container", "KUBERNETES_SERVICE_HOST", "WSL_DISTRO_NAME")
    return any(map(os.path.exists, signs)) or any(name in os.environ for name in variables)


def lab_as_root(arguments: list[str]) -> list[str]:
    """Return what JupyterLab needs to start for root; raise if that may be a mistake.

    In a container nothing outside can be harmed, and Jupyter listens on this machine alone and asks for its token.
    """
    if getattr(os, "geteuid", lambda: 1)() != 0 or any("allow-root" in a or "allow_root" in a for a in arguments):
        return []
    if not in_container():
        say("You are root, and code in a notebook could change the whole machine. Type the command as another user,")
        say("or, if you want this: python course.py lab --allow-root")
        raise typer.Exit(1)
    say("You are root in a container, so JupyterLab is started with --allow-root.")
    return ["--allow-root"]


def lab_env() -> dict[str, str]:
    """Return the variables for JupyterLab: the course's defaults come first, the learner's own settings win."""
    paths = [str(LAB_SETTINGS), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


@app.command(context_settings=HAND_ON)
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the first chapter; further arguments go to JupyterLab."""
    if not (REPOSITORY / START).exists():
        say(f"There is no {START} in {REPOSITORY}. Get it back with: git checkout -- chapters")
        say("In a copy without git, download the course again. Authors type: python authoring/build.py")
        raise typer.Exit(1)
    root = lab_as_root(context.args)
    say("JupyterLab opens in your browser. To end it, come back here and press Ctrl-C twice.")
    raise typer.Exit(run([sys.executable, "-m", "jupyterlab", str(START), *QUIET, *root, *context.args], lab_env()))


@app.command(context_settings=HAND_ON)
def test(context: typer.Context) -> None:
    """Run every test and every notebook; further arguments go to pytest, for example: -k movielens."""
    from recsys_teach.course.notebook_env import kernel_env

    missing = [name for name in FOR_TESTS if find_spec(name) is None]
    if missing:
        say(f"The tests need {missing[0]}, which is not installed. Type: python course.py test")
        say('With conda, in the course\'s folder: pip install -e ".[dev]" -c constraints.txt')
        raise typer.Exit(1)
    report = os.environ.get("RECSYS_TEACH_REPORT")
    path = Path(report).expanduser().absolute() if report else None
    try:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("[]")
    except OSError as error:
        say(f"The results cannot be written to {path}: {error}. Set RECSYS_TEACH_REPORT to a file that can be written.")
        raise typer.Exit(1) from None
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        try:
            env = kernel_env(Path(home))
        except ValueError as error:
            say(str(error))
            raise typer.Exit(1) from None
        if path:
            env["RECSYS_TEACH_REPORT"] = str(path)  # read by tests/conftest.py at the end of the run
        raise typer.Exit(run([sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", *context.args], env))


@app.command()
def fetch() -> None:
    """Fetch the real data, MovieLens-100K, unless they are there."""
    from recsys_teach.data import movielens

    try:
        movielens.fetch(say=say)
    except movielens.FetchError as error:
        say(str(error))
        raise typer.Exit(1) from None


@app.command()
def doctor() -> None:
    """Say what is there, what is missing, and how to fix it."""
    from recsys_teach.course.doctor import report

    raise typer.Exit(report(say))


@app.command()
def progress() -> None:
    """Show which objectives you have shown."""
    from recsys_teach.learn import progress

    progress()


@app.command()
def update() -> None:
    """Get the newest chapters; what you changed is kept."""
    from recsys_teach.course.update import UpdateError, update

    try:
        done = update(REPOSITORY)
    except UpdateError as error:
        say(str(error))
        raise typer.Exit(1) from None
    for line in done.lines():
        say(line)


def main() -> None:
    """Run the command line; what the terminal's encoding lacks is written with a backslash."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app()
    except ImportError as error:
        sys.exit(f"The course is not completely installed: {error}. Type: python course.py doctor")


if __name__ == "__main__":
    main()
