"""Set the course up and run it, with nothing but Python.

    python course.py lab        open the course (the first time: install it, which takes some minutes)
    python course.py test       run every test and every notebook
    python course.py fetch      fetch the real data, MovieLens-100K
    python course.py doctor     say what is there, what is missing, and the mend
    python course.py progress   show which objectives you have shown
    python course.py update     get the newest chapters without losing your work

What follows the command is handed on, for example: python course.py lab --no-browser
Everything is installed into the folder .venv beside this file; delete that folder to undo it.
"""

# Only what Python 3.6 can read may stand here, so that an old Python can say which one is needed.
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
NEEDED_GB = 4
AGAIN = "Then type the same command again: it goes on where it stopped."
NO_NETWORK = "Failed to establish|NameResolution|Connection|timed out|SSLError|ProxyError|No matching distribution"


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


def main(args: list) -> int:
    """Set up what is missing, hand the arguments to recsys-teach, and return its exit code."""
    if not args or args[0] in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    try:
        refuse_old_python()
        if not is_installed():
            install()
        if args[0] in ("lab", "test"):
            fetch_once()
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Type the same command again: the set-up goes on where it was.", file=sys.stderr)
        return 130
    return hand_over(course_command(args))


def refuse_old_python() -> None:
    """Raise if this Python is too old for the course."""
    major, minor = sys.version_info[:2]
    if (major, minor) < (3, 11):
        raise SetupError(
            f"The course needs Python 3.11 or newer; this is {major}.{minor}. Get one from "
            "https://www.python.org/downloads/ and type the same command with it."
        )


def in_venv(program: str) -> Path:
    """Give the path of a program of the environment."""
    return VENV / "Scripts" / f"{program}.exe" if os.name == "nt" else VENV / "bin" / program


def course_command(args: list) -> list:
    """Give the command that runs the course's command line in its environment."""
    return [str(in_venv("recsys-teach")), *args]


def stamp() -> str:
    """Name what an installation is made from: the two lists, the Python of the environment, the place."""
    parts = [path.read_bytes() for path in (HERE / "pyproject.toml", HERE / "constraints.txt", VENV / "pyvenv.cfg")]
    return hashlib.sha256(b"\0".join([*parts, str(HERE).encode()])).hexdigest()


def is_installed() -> bool:
    """Tell whether a whole installation of exactly these lists is there."""
    try:
        return in_venv("python").exists() and (VENV / "course-stamp").read_text() == stamp()
    except OSError:
        return False


def install() -> None:
    """Make the environment if it is missing or broken, and bring the packages; write the stamp last."""
    print(f"Setting up the course in {VENV}. You can stop with Ctrl-C and go on later.", flush=True)
    if not venv_works():
        make_venv()
    print("Installing the packages, about 2 GB on disk; the next start takes seconds ...", flush=True)
    command = [str(in_venv("python")), "-m", "pip", "install", "--disable-pip-version-check"]
    code, errors = run_visibly([*command, "-e", str(HERE), "-c", str(HERE / "constraints.txt")])
    if code:
        raise SetupError(why_pip_failed(code, errors))
    (VENV / "course-stamp").write_text(stamp())


def venv_works() -> bool:
    """Tell whether the environment has a pip and a new enough Python that runs."""
    try:
        question = "import sys, pip; sys.exit(sys.version_info < (3, 11))"
        return subprocess.call([str(in_venv("python")), "-c", question], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def make_venv() -> None:
    """Make .venv anew, after looking whether that can work."""
    free_gb = shutil.disk_usage(str(HERE)).free / 1e9
    if free_gb < NEEDED_GB:
        raise SetupError(
            f"The course needs about {NEEDED_GB} GB on this disk, and {free_gb:.1f} GB are free. "
            f"Free some space, or move the folder to another disk. {AGAIN}"
        )
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise SetupError(
            "This Python cannot make environments: its module venv is not whole. On Debian and Ubuntu "
            f"type: sudo apt install python3-venv\n{AGAIN}"
        )
    try:
        VENV.mkdir(exist_ok=True)
        (VENV / "course-stamp").write_text("not installed yet")
    except OSError as error:
        raise SetupError(
            f"The folder {HERE} cannot be written: {error}. Move the course to a folder of your own, "
            "for example in your home folder, and type the same command there."
        ) from error
    print("Making the environment ...", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        raise SetupError(
            "The environment could not be made; what Python said stands above. Close the programs that use "
            f"{VENV}, and delete that folder. {AGAIN}"
        )


def run_visibly(command: list) -> tuple:
    """Run a command whose progress is seen as it comes; return its exit code and what it wrote as errors."""
    child = subprocess.Popen(command, stderr=subprocess.PIPE)
    errors = b""
    try:
        for line in child.stderr or ():
            sys.stderr.write(line.decode(errors="replace"))
            errors += line
        return child.wait(), errors.decode(errors="replace")
    except BaseException:
        child.kill()
        child.wait()
        raise


def why_pip_failed(code: int, errors: str) -> str:
    """Turn what pip said into what to do."""
    if "No space left" in errors or "not enough space" in errors:
        return f"The disk is full. Free about {NEEDED_GB} GB. {AGAIN}"
    if "Permission denied" in errors or "Read-only file system" in errors:
        return f"A folder cannot be written; the lines above name it. Make it writable for you. {AGAIN}"
    if any(sign in errors for sign in NO_NETWORK.split("|")):
        return (
            "The package index could not be reached, or lacks a package for this Python; the lines above say "
            f"which. Check the network, and behind a proxy set HTTPS_PROXY. {AGAIN}"
        )
    return f"pip stopped with code {code}; the lines above say why. {AGAIN}"


def fetch_once() -> None:
    """Fetch the real data at the first start; if that fails the course goes on without them."""
    tried = VENV / "course-fetch-tried"
    if tried.exists():
        return
    if subprocess.call(course_command(["fetch"])):
        print("\nNo harm done: the course opens without MovieLens-100K, and the parts that use it wait for it.")
        print("When there is a network, type: python course.py fetch\n", flush=True)
    tried.write_text("")


def hand_over(command: list) -> int:
    """Become the command, so that Ctrl-C and the exit code are its own; on Windows, wait for it."""
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(command[0], command)
    child = subprocess.Popen(command)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            pass  # the child got it too, and decides


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
