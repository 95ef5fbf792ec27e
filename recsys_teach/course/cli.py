"""Open the course, test it, download its data, find out what is missing, or update it."""

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

# Large packages are imported where they are used, so that the help is printed without delay.
START = Path("chapters") / "00_start_here.ipynb"
QUIET = (  # JupyterLab does not search for updates or extensions
    "--LabApp.check_for_updates_class=jupyterlab.handlers.announcements.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",
)
LAB_SETTINGS = (
    Path(__file__).resolve().parent / "lab_settings"
)  # defaults for JupyterLab, which does not ask about news
TEST_MODULES = ("pytest", "nbval", "xdist", "jupytext")  # from the extra dev
PASS_ARGUMENTS = {"allow_extra_args": True, "ignore_unknown_options": True}

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
console = Console(highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """Print a line without interpreting brackets as markup.

    Parameters
    ----------
    line : str
        What to print.
    """
    console.print(line, markup=False)


def run(command: list[str], env: dict[str, str] | None = None) -> int:
    """Run a program in the repository's folder and wait until it ends.

    Parameters
    ----------
    command : list of str
        Program and arguments.
    env : dict of str to str, optional
        Environment variables; by default those of this process.

    Returns
    -------
    int
        Exit code of the program; 128 plus the number of the signal if a signal ended it, as in shells.
    """
    with subprocess.Popen(command, cwd=REPOSITORY, env=env) as child:
        signal.signal(signal.SIGTERM, lambda *_: child.terminate())  # otherwise the program would keep running
        while True:
            try:
                code = child.wait()
                return code if code >= 0 else 128 - code
            except KeyboardInterrupt:  # the program receives Ctrl-C, too, and decides what to do
                continue


def in_container() -> bool:
    """Return whether this is a container or Linux inside Windows, where root is the usual user.

    Returns
    -------
    bool
        True if a file or an environment variable indicates it.
    """
    signs = ("/.dockerenv", "/run/.containerenv", "/run/WSL")
    variables = ("container", "KUBERNETES_SERVICE_HOST", "WSL_DISTRO_NAME")
    return any(map(os.path.exists, signs)) or any(name in os.environ for name in variables)


def lab_as_root(arguments: list[str]) -> list[str]:
    """Return the arguments that JupyterLab needs to start as root.

    In a container, code in a notebook cannot change the machine outside, and Jupyter accepts connections only from
    this machine and only with its token.

    Parameters
    ----------
    arguments : list of str
        What the learner typed after ``lab``.

    Returns
    -------
    list of str
        "--allow-root" if the user is root in a container and did not choose an option; otherwise empty.

    Raises
    ------
    typer.Exit
        If the user is root outside a container without having allowed it.
    """
    if getattr(os, "geteuid", lambda: 1)() != 0 or any("allow-root" in a or "allow_root" in a for a in arguments):
        return []
    if not in_container():
        say("Expected a user without root permissions; got root. As root, code in a notebook can change every file of")
        say("this machine. Type the command as another user, or allow it: python course.py lab --allow-root")
        raise typer.Exit(1)
    say("You are root in a container, so JupyterLab starts with the option --allow-root.")
    return ["--allow-root"]


def lab_env() -> dict[str, str]:
    """Return the environment variables for JupyterLab, with the course's settings as defaults.

    Returns
    -------
    dict of str to str
        Environment variables. Settings that the learner chooses in JupyterLab override the defaults.
    """
    paths = [str(LAB_SETTINGS), *filter(None, [os.environ.get("JUPYTER_CONFIG_PATH")])]
    return {**os.environ, "JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


@app.command(context_settings=PASS_ARGUMENTS)
def lab(context: typer.Context) -> None:
    """Open JupyterLab on the first chapter; further arguments are passed to JupyterLab."""
    if not (REPOSITORY / START).exists():
        say(f"Expected the file {START} in {REPOSITORY}, but it is missing. Restore it with: git checkout -- chapters")
        say("If you did not get the course with git, download it again. Authors type: python authoring/build.py")
        raise typer.Exit(1)
    root = lab_as_root(context.args)
    say("JupyterLab opens in your browser. To stop it, return to this terminal and press Ctrl-C twice.")
    raise typer.Exit(run([sys.executable, "-m", "jupyterlab", str(START), *QUIET, *root, *context.args], lab_env()))


@app.command(context_settings=PASS_ARGUMENTS)
def test(context: typer.Context) -> None:
    """Run every test and every notebook; further arguments are passed to pytest, for example: -k movielens."""
    from recsys_teach.course.notebook_env import kernel_env

    missing = [name for name in TEST_MODULES if find_spec(name) is None]
    if missing:
        say(f"The tests need the package {missing[0]}, which is not installed. Type: python course.py test")
        say('With conda, type in the folder of the course: pip install -e ".[dev]" -c constraints.txt')
        raise typer.Exit(1)
    report = os.environ.get("RECSYS_TEACH_REPORT")
    path = Path(report).expanduser().absolute() if report else None
    try:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("[]")
    except OSError as error:
        say(f"Expected in RECSYS_TEACH_REPORT a file that can be written; got {path}: {error}.")
        say("Set RECSYS_TEACH_REPORT to another file, or unset it.")
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
    """Download the real data set, MovieLens-100K, unless it is already there."""
    from recsys_teach.data import movielens

    try:
        movielens.fetch(say=say)
    except movielens.FetchError as error:
        say(str(error))
        raise typer.Exit(1) from None


@app.command()
def doctor() -> None:
    """Report what is installed, what is missing, and how to fix it."""
    from recsys_teach.course.doctor import report

    raise typer.Exit(report(say))


@app.command()
def progress() -> None:
    """Show which learning objectives you have demonstrated."""
    from recsys_teach.learn import progress

    progress()


@app.command()
def update() -> None:
    """Get the newest chapters and keep what you changed."""
    from recsys_teach.course.update import UpdateError, update

    try:
        result = update(REPOSITORY)
    except UpdateError as error:
        say(str(error))
        raise typer.Exit(1) from None
    for line in result.lines():
        say(line)


@app.command()
def serve(folder: Path, port: int = 8000, digest: str | None = None) -> None:
    """Serve a model that save_model wrote, on this machine only; a token in RECSYS_TEACH_TOKEN allows /reload."""
    from recsys_teach.serving import serve

    try:
        serve(folder, port, digest=digest, token=os.environ.get("RECSYS_TEACH_TOKEN"))
    except (ImportError, ValueError, FileNotFoundError) as error:
        say(str(error))
        raise typer.Exit(1) from None


def main() -> None:
    """Run the command line, and escape characters that the terminal's encoding cannot represent."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        app()
    except ImportError as error:
        sys.exit(f"The course is not completely installed: {error}. To find the fix, type: python course.py doctor")


if __name__ == "__main__":
    main()
