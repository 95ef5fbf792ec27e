"""Install the course and run it. This script needs nothing but Python.

    python course.py lab        open the course (the first start installs it, which takes some minutes)
    python course.py test       run every test and every notebook (the first run installs what the tests need)
    python course.py fetch      download the real data set, MovieLens-100K
    python course.py doctor     report what is installed, what is missing, and how to fix it
    python course.py progress   show which learning objectives you have demonstrated
    python course.py update     get the newest chapters and keep your work
    python course.py serve DIR  serve a stored model on this computer (chapter 19)
    python course.py add NAME   install an extra: scale (Spark), dev (tests), benchmarks (other libraries)

Further arguments are passed on to the command, for example: python course.py lab --no-browser
Everything is installed into the folder .venv next to this file. To uninstall the course's packages, delete that folder.
"""

# Use only syntax that Python 3.6 can parse, so that an old Python can print which version is needed.
import contextlib
import difflib
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
VENV = HERE / ".venv"
COMMANDS = ("lab", "test", "fetch", "doctor", "progress", "update", "serve", "add")
OLDEST, TOO_NEW = (3, 11, 5), (3, 15)  # the oldest supported Python, and the first one that is not supported anymore
NEEDED_GB = 4
PACKAGE_CHECK = "recsys_teach/course/installed.py"  # run with the environment's Python to check its packages
BASE = "base"  # what every learner needs; the extras are listed in pyproject.toml
UNFINISHED = "unfinished"  # content of a stamp file from before pip starts until the installation is complete
AGAIN = "Then type the same command again; files that were already downloaded are reused."
# Settings of pip and uv that only control how they reach a package index. All other settings (user, target,
# require-hashes, ...) could install different packages or install them elsewhere, so pip and uv run without them.
PIP_VARIABLES = """
    PIP_CACHE_DIR PIP_CERT PIP_CLIENT_CERT PIP_DEFAULT_TIMEOUT PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_INDEX_URL
    PIP_KEYRING_PROVIDER PIP_NO_CACHE_DIR PIP_NO_INDEX PIP_NO_INPUT PIP_PROGRESS_BAR PIP_PROXY PIP_RETRIES PIP_TIMEOUT
    PIP_TRUSTED_HOST PIP_USE_DEPRECATED PIP_USE_FEATURE PIP_VERBOSE"""
UV_VARIABLES = """
    UV_CACHE_DIR UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_HTTP_TIMEOUT UV_INDEX UV_INDEX_URL UV_LINK_MODE UV_NATIVE_TLS
    UV_NO_CACHE UV_SYSTEM_CERTS"""
UV_NAMES = {  # uv does not read pip's variables, so their values are copied to these names
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_PROXY": "ALL_PROXY",
}
PIP_ERRORS = [  # pairs of a pattern in pip's error output and an explanation; the first pattern that matches is used
    (
        "SOCKS support",
        "pip cannot use the SOCKS proxy that is configured. Set HTTPS_PROXY and ALL_PROXY to an http:// proxy, or "
        "unset them if no proxy is needed.",
    ),
    (
        "invalid path: |TLS CA certificate bundle",
        "pip is configured to use a certificate file that does not exist; the lines above name it. Set PIP_CERT to "
        "the correct file, or unset PIP_CERT, REQUESTS_CA_BUNDLE and SSL_CERT_FILE.",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED|SSLError",
        "The certificate of the package index is not trusted on this machine. Set PIP_CERT to the file that contains "
        "your network's certificates.",
    ),
    (
        "Permission denied|Read-only file system",
        "A folder cannot be written to; the lines above name it. Change its permissions so that you can write to it.",
    ),
    (
        "Failed to establish|NameResolution|Connection|timed out|ProxyError|Max retries",
        "The package index could not be reached. Check the network connection; behind a proxy, set HTTPS_PROXY.",
    ),
    (
        "No matching distribution",
        "The package index has no compatible version of the package in the line above. The course runs on Windows "
        "(x64), macOS 14 or newer (Apple silicon) and Linux (x86_64 or aarch64, glibc 2.28 or newer), with a 64-bit "
        "Python. If your machine is one of these, check PIP_INDEX_URL and the network connection.",
    ),
]


class SetupError(Exception):
    """Raised when the setup cannot continue; the message explains how to fix the problem."""


def main(args: list) -> int:
    """Install what is missing, then run a command of the course.

    Parameters
    ----------
    args : list of str
        The command and its arguments, as typed after ``python course.py``.

    Returns
    -------
    int
        Exit code: that of the command, 1 if the setup failed, 130 if it was interrupted.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a legacy encoding must not cause a UnicodeEncodeError
    if not args or args[0] in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    try:
        check_command(args[0])
        check_python()
        check_files()
        if args[0] == "doctor":
            return replace_process(*doctor_command(args))
        extras = requested_extras(args)
        if "benchmarks" in extras:
            return subprocess.call([sys.executable, str(HERE / "benchmarks" / "setup.py")], env=clean_environment())
        set_up(extras)
        if args[0] == "add":
            print(f"These extras are installed: {', '.join(extras)}.")
            return 0
        if args[0] in ("lab", "test"):
            fetch_once()
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nThe setup was interrupted. To continue it, type the same command again; files that were already "
            "downloaded are reused.",
            file=sys.stderr,
        )
        return 130
    return replace_process(course_command(args))


def check_command(command: str) -> None:
    """Raise an error, before anything is installed, if the command does not exist.

    Parameters
    ----------
    command : str
        The first argument on the command line.

    Raises
    ------
    SetupError
        If the command is not one of ``COMMANDS``.
    """
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, 1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise SetupError(
            f"Expected one of {', '.join(COMMANDS)}; got {command!r}.{guess} To see what each command does, type: "
            "python course.py help"
        )


def check_python() -> None:
    """Raise an error if the course does not support the running Python.

    Raises
    ------
    SetupError
        If the version is older than ``OLDEST``, or is ``TOO_NEW`` or newer.
    """
    if not OLDEST <= tuple(sys.version_info[:3]) < TOO_NEW:
        got = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Expected Python 3.11.5 or newer and older than 3.15; got {got}. Install a supported version from "
            "https://www.python.org/downloads/ and type the same command with it."
        )


def check_files() -> None:
    """Raise an error if a file that the setup needs is missing.

    Raises
    ------
    SetupError
        If one of the files does not exist.
    """
    for name in ("pyproject.toml", "constraints.txt", "recsys_teach/__main__.py", PACKAGE_CHECK):
        if not (HERE / name).is_file():
            raise SetupError(
                f"Expected the file {name} in {HERE}, but it is missing. Restore it with: git checkout -- {name}\n"
                "If you did not get the course with git, download it again."
            )


def requested_extras(args: list) -> list:
    """Return the extras that a command needs.

    Parameters
    ----------
    args : list of str
        The command and its arguments.

    Returns
    -------
    list of str
        Names of extras in pyproject.toml.

    Raises
    ------
    SetupError
        If ``add`` is used without the name of an extra, or with an unknown name.
    """
    if args[0] != "add":
        return ["dev"] if args[0] == "test" else []
    known, wanted = sorted(project()["optional-dependencies"]), args[1:]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        got = repr(unknown[0]) if unknown else "nothing"
        raise SetupError(
            f"Expected the name of an extra, one of {', '.join(known)}; got {got}. For example, type: "
            "python course.py add scale"
        )
    return wanted


def venv_program(program: str) -> Path:
    """Return the path of a program in the course's environment.

    Parameters
    ----------
    program : str
        Name of the program without a suffix, for example "python".

    Returns
    -------
    Path
        Path of the executable file, whether or not it exists.
    """
    return VENV / "Scripts" / f"{program}.exe" if os.name == "nt" else VENV / "bin" / program


def course_command(args: list) -> list:
    """Return the command that runs the course's command line in its environment.

    Parameters
    ----------
    args : list of str
        The command of the course and its arguments.

    Returns
    -------
    list of str
        Program and arguments.
    """
    return [str(venv_program("python")), "-P", "-m", "recsys_teach", *args]


def doctor_command(args: list) -> tuple:
    """Return the command that runs the doctor, which installs nothing.

    Parameters
    ----------
    args : list of str
        "doctor" and its arguments.

    Returns
    -------
    command : list of str
        Program and arguments. The program is the running Python if the course's environment cannot be used.
    env : dict of str to str
        Environment variables for the command.
    """
    command = course_command(args)
    if inspect_packages() is None:
        print(
            "The course's environment in .venv does not exist yet or cannot be used. To create it, type: "
            "python course.py lab",
            flush=True,
        )
        command[0] = sys.executable
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return command, {**os.environ, "PYTHONPATH": path}


# --- what is installed ------------------------------------------------------------------------------------------


def project() -> dict:
    """Return the table [project] of pyproject.toml.

    Returns
    -------
    dict
        The table, with the lists of dependencies.
    """
    import tomllib  # in the standard library since Python 3.11

    return tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins() -> list:
    """Return the tested versions from constraints.txt.

    Returns
    -------
    list of str
        Sorted lines of the form "name==version", without comments.
    """
    lines = (HERE / "constraints.txt").read_text(encoding="utf-8-sig").splitlines()
    return sorted(filter(None, (line.partition("#")[0].strip() for line in lines)))


def stamp(extra: str) -> str:
    """Return a digest of everything that an installation depends on.

    That is the lists of packages, the Python of the environment, and the folder of the course.

    Parameters
    ----------
    extra : str
        Name of an extra, or ``BASE``.

    Returns
    -------
    str
        Digest, which changes if the extra has to be installed again.
    """
    table = project()
    wanted = table["dependencies"] if extra == BASE else table["optional-dependencies"][extra]
    python = (VENV / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    parts = [sorted(wanted), pins(), table.get("scripts"), re.findall(r"version\S* = (\S+)", python)]
    parts.append(repr(os.fsencode(str(HERE))))  # as bytes, which are the same in every locale
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def stamp_file(extra: str) -> Path:
    """Return the path of the file that stores the stamp of an extra.

    Parameters
    ----------
    extra : str
        Name of an extra, or ``BASE``.

    Returns
    -------
    Path
        Path in the environment, whether or not the file exists.
    """
    return VENV / f"course-stamp-{extra}"


def read_stamp(extra: str) -> str:
    """Return the stamp that was stored when an extra was installed.

    Parameters
    ----------
    extra : str
        Name of an extra, or ``BASE``.

    Returns
    -------
    str
        The stamp, ``UNFINISHED`` after an interrupted installation, or "" if the extra was never installed.
    """
    try:
        return stamp_file(extra).read_text()
    except OSError:
        return ""


def is_installed(extra: str) -> bool:
    """Return whether an extra was installed completely from the current lists of packages.

    Parameters
    ----------
    extra : str
        Name of an extra, or ``BASE``.

    Returns
    -------
    bool
        True if the stored stamp equals the current one.
    """
    try:
        return read_stamp(extra) == stamp(extra)
    except OSError:
        return False


def inspect_packages(*options: str) -> "dict | None":
    """Return the first damaged file of each package of the course in its environment.

    Parameters
    ----------
    *options : str
        Arguments of the script ``PACKAGE_CHECK``, for example "--sizes".

    Returns
    -------
    dict of str to (str or None), or None
        Name of each installed package and its first missing or incomplete file, None if the package is complete.
        None instead of a dict if the environment cannot be used: it does not run, its Python is not supported, or it
        has no complete pip.
    """
    script = HERE / PACKAGE_CHECK
    try:
        command = [str(venv_program("python")), "-I", str(script), *options]
        answer = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    damage = answer["packages"]
    if not OLDEST <= tuple(answer["python"]) < TOO_NEW or damage.get("pip", "missing"):
        return None
    ours = {"recsys-teach", *(pin.partition("==")[0] for pin in pins())}
    return {name: file for name, file in damage.items() if name in ours}


def damaged_packages(found: dict) -> dict:
    """Return the packages that are damaged, or were removed since the setup.

    Parameters
    ----------
    found : dict of str to (str or None)
        Result of ``inspect_packages``.

    Returns
    -------
    dict of str to str
        Name of each such package and a clause that describes the problem.
    """
    damaged = {
        name: f"in the package {name}, the file {file} is missing or incomplete" for name, file in found.items() if file
    }
    try:
        before = json.loads((VENV / "course-packages").read_text())
    except (OSError, ValueError):
        before = []
    removed = {name: f"the package {name} is no longer installed" for name in before if name not in found}
    return {**removed, **damaged}


# --- installing -------------------------------------------------------------------------------------------------


def set_up(extras: list) -> None:
    """Install what the lists of packages require, unless everything is already installed and complete.

    Parameters
    ----------
    extras : list of str
        Extras that are needed now. Those that were installed before are kept.

    Raises
    ------
    SetupError
        If the environment cannot be created or a package cannot be installed.
    """
    known = sorted(project()["optional-dependencies"])
    wanted = [BASE, *(extra for extra in known if extra in extras or read_stamp(extra))]

    def is_complete() -> bool:
        found = inspect_packages()
        return found is not None and not damaged_packages(found) and all(map(is_installed, wanted))

    if is_complete():
        return
    with setup_lock():
        if not is_complete():  # another setup may have completed it while this one waited
            print(f"Setting up the course in {VENV}. You can stop with Ctrl-C and continue later.", flush=True)
            fresh = not repair()
            if fresh:
                make_venv()
            install(wanted, fresh)


def repair() -> bool:
    """Reinstall damaged packages.

    Returns
    -------
    bool
        Whether the environment can be used; otherwise it must be created again.
    """
    interrupted = any(read_stamp(extra) == UNFINISHED for extra in [BASE, *project()["optional-dependencies"]])
    found = inspect_packages("--sizes") if interrupted or not read_stamp(BASE) else inspect_packages()
    if found is None:
        return False
    damaged = damaged_packages(found)
    if not damaged:
        return True
    print(f"The environment is damaged; for example, {damaged[min(damaged)]}.", flush=True)
    if interrupted or not read_stamp(BASE):
        return False
    others = sorted(set(damaged) - {"recsys-teach"})  # install() reinstalls recsys-teach in any case
    if others:
        print(f"Reinstalling {', '.join(others)} ...", flush=True)
        run_pip(pip_environment(), "--ignore-installed", "--no-deps", *others, "-c", "constraints.txt")
    found = inspect_packages() or {"recsys-teach": "everything"}
    return not set(damaged_packages(found)) - {"recsys-teach"}


def install(wanted: list, fresh: bool) -> None:
    """Install the course and its extras, and write the stamps at the end.

    Parameters
    ----------
    wanted : list of str
        ``BASE`` and the names of extras.
    fresh : bool
        Whether the environment was just created, so that it contains no packages yet.

    Raises
    ------
    SetupError
        If a package cannot be installed or is incomplete after the installation.
    """
    for extra in wanted:
        stamp_file(extra).write_text(UNFINISHED)
    extras = [extra for extra in wanted if extra != BASE]
    env = pip_environment()
    if not fresh and is_everything_installed(env, extras):
        print("All packages are already installed; no network is needed.", flush=True)
        complete = True
    else:
        what = " and ".join(["the packages", *(f"the extra {extra}" for extra in extras)])
        print(f"Installing {what}. The next start will take only seconds ...", flush=True)
        # pip installs torch, because it follows the learner's settings for an index; uv is faster for all others.
        run_pip(env, "torch", "setuptools", "uv", "-c", "constraints.txt")
        complete = run_uv(env, extras) == 0
        if not complete:
            print("uv could not install the packages. Using pip instead, which takes longer ...", flush=True)
    limits = ["--no-index", "--no-deps"] if complete else ["-c", "constraints.txt"]
    course = f".[{','.join(extras)}]" if extras else "."
    run_pip(env, *limits, "--no-build-isolation", "--editable", course)
    found = inspect_packages("--sizes")
    damaged = {"": f"the Python in {VENV} cannot be used"} if found is None else damaged_packages(found)
    if damaged:
        raise SetupError(
            f"The installation is incomplete: {damaged[min(damaged)]}. Another program, for example a virus scanner, "
            f"may have removed files. Make sure that it does not change files in {VENV}. {AGAIN}"
        )
    (VENV / "course-packages").write_text(json.dumps(sorted(found or ())))
    for extra in wanted:
        stamp_file(extra).write_text(stamp(extra))


def is_everything_installed(env: dict, extras: list) -> bool:
    """Return whether all packages are installed, for example after the folder was moved.

    The check needs no network.

    Parameters
    ----------
    env : dict of str to str
        Environment variables for pip.
    extras : list of str
        Extras whose packages must be installed, too.

    Returns
    -------
    bool
        True if uv (or pip, if there is no uv) would change nothing.
    """
    print("Checking whether the packages are already installed ...", flush=True)
    try:
        answer = subprocess.run(
            [*uv_command(extras), "--offline", "--dry-run"],
            cwd=str(HERE),
            env=uv_environment(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return answer.returncode == 0 and b"no changes" in answer.stdout
    except OSError:  # there is no uv; pip needs half a minute for the same check
        course = f".[{','.join(extras)}]" if extras else "."
        pip = [str(venv_program("python")), "-m", "pip", "install", "--no-index", "--dry-run", "--no-build-isolation"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.call([*pip, course, "-c", "constraints.txt"], cwd=str(HERE), env=env, **quiet) == 0


def make_venv() -> None:
    """Create an empty environment in .venv, after checking that this is possible.

    Raises
    ------
    SetupError
        If there is not enough disk space, parts of Python are missing, or the folder cannot be written to.
    """
    free_gb = shutil.disk_usage(str(HERE)).free / 1e9
    if free_gb < NEEDED_GB:
        raise SetupError(
            f"The course needs about {NEEDED_GB} GB of free space on this disk, but only {free_gb:.1f} GB are free. "
            f"Free some space, or move the folder to another disk. {AGAIN}"
        )
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise SetupError(
            "This Python cannot create virtual environments because parts of its module venv are missing. On Debian "
            f"and Ubuntu, type: sudo apt install python3-venv\n{AGAIN}"
        )
    try:
        VENV.mkdir(exist_ok=True)
        stamp_file(BASE).write_text(UNFINISHED)
    except OSError as error:
        raise SetupError(
            f"The folder {HERE} cannot be written to: {error}. Move the course to a folder that you can write to, "
            "for example in your home folder, and type the same command there."
        ) from error
    print("Creating the environment ...", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        raise SetupError(
            "The environment could not be created; the lines above contain Python's error message. Close the programs "
            f"that use {VENV}, and delete that folder. {AGAIN}"
        )


@contextlib.contextmanager
def setup_lock():
    """Wait until no other setup of this folder is running, and keep others waiting in the ``with`` block."""
    try:
        file = (HERE / ".venv.lock").open("w")
    except OSError:  # make_venv reports a folder that cannot be written to
        yield
        return
    with file:
        waiting = False
        while True:
            try:
                lock(file)
                break
            except (BlockingIOError, PermissionError):
                if not waiting:
                    print("Another setup of the course is running; waiting until it finishes ...", flush=True)
                waiting = True
                time.sleep(1)
            except OSError:  # the disk does not support locks
                break
        yield


def lock(file) -> None:
    """Lock a file until it is closed.

    Parameters
    ----------
    file : file object
        An open file.

    Raises
    ------
    BlockingIOError or PermissionError
        If another process has locked the file.
    """
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# --- pip and uv -------------------------------------------------------------------------------------------------


def clean_environment() -> dict:
    """Return the environment variables without those that could make pip or uv install something else.

    Returns
    -------
    dict of str to str
        All variables, of those of pip and uv only ``PIP_VARIABLES`` and ``UV_VARIABLES``.
    """
    kept = {*PIP_VARIABLES.split(), *UV_VARIABLES.split()}
    return {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_")) or name in kept}


def pip_environment() -> dict:
    """Return the environment variables for pip.

    Of pip's settings, in variables and in configuration files, only those in ``PIP_VARIABLES`` are kept.

    Returns
    -------
    dict of str to str
        Environment variables, with which pip reads no configuration file.
    """
    env = clean_environment()
    # `pip config list` cannot be used: if a file sets "user = true", it lists only the user's configuration file.
    code = "import json, pip._internal.configuration as c; all = c.Configuration(isolated=False); all.load(); "
    command = [str(venv_program("python")), "-c", code + "print(json.dumps(dict(all.items())))"]
    try:
        listed = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    except (subprocess.CalledProcessError, ValueError):
        listed = {}
    for section in ("install.", "global."):  # the first section takes precedence, as in pip
        for key, value in listed.items():
            name = "PIP_" + key[len(section) :].upper().replace("-", "_")
            if key.startswith(section) and name in PIP_VARIABLES.split():
                env.setdefault(name, str(value))
    env.update(PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1")
    return env


def run_pip(env: dict, *arguments: str) -> None:
    """Run ``pip install`` in the course's folder and show its output.

    Parameters
    ----------
    env : dict of str to str
        Environment variables for pip.
    *arguments : str
        Arguments after ``pip install``.

    Raises
    ------
    SetupError
        If pip fails; the message explains how to fix the problem.
    """
    code, errors = run_and_record_errors([str(venv_program("python")), "-m", "pip", "install", *arguments], env)
    if code:
        raise SetupError(explain_pip_failure(code, errors))


def uv_command(extras: list) -> list:
    """Return the command with which uv installs the dependencies of the course.

    Parameters
    ----------
    extras : list of str
        Extras that are installed, too.

    Returns
    -------
    list of str
        Program and arguments.
    """
    command = [str(venv_program("uv")), "pip", "install", "--python", str(venv_program("python"))]
    command += ["-r", "pyproject.toml"]
    return [*command, *(word for extra in extras for word in ("--extra", extra)), "-c", "constraints.txt"]


def uv_environment(env: dict) -> dict:
    """Return pip's environment variables together with their equivalents for uv.

    Parameters
    ----------
    env : dict of str to str
        Environment variables for pip.

    Returns
    -------
    dict of str to str
        Environment variables for uv.
    """
    env = dict(env, UV_INDEX_STRATEGY="unsafe-best-match")  # choose the best version of all indexes, as pip does
    for name, uv_name in UV_NAMES.items():
        if name in env:
            env.setdefault(uv_name, (",".join if uv_name == "UV_FIND_LINKS" else " ".join)(env[name].split()))
    return env


def run_uv(env: dict, extras: list) -> int:
    """Install the dependencies with uv and show its progress.

    Parameters
    ----------
    env : dict of str to str
        Environment variables for pip, which are translated for uv.
    extras : list of str
        Extras that are installed, too.

    Returns
    -------
    int
        Exit code of uv, or 127 if uv cannot be run.
    """
    try:
        return subprocess.call(uv_command(extras), cwd=str(HERE), env=uv_environment(env))
    except OSError:
        return 127


def run_and_record_errors(command: list, env: dict) -> tuple:
    """Run a command in the course's folder, show its output while it runs, and record its error output.

    Parameters
    ----------
    command : list of str
        Program and arguments.
    env : dict of str to str
        Environment variables.

    Returns
    -------
    code : int
        Exit code.
    errors : str
        Everything that the command wrote to stderr.
    """
    child = subprocess.Popen(command, cwd=str(HERE), env=env, stderr=subprocess.PIPE)
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


def explain_pip_failure(code: int, errors: str) -> str:
    """Return the last line of pip's error output and how to fix the problem.

    Parameters
    ----------
    code : int
        Exit code of pip.
    errors : str
        What pip wrote to stderr.

    Returns
    -------
    str
        Message for the learner.
    """
    lines = [line.strip() for line in errors.splitlines() if line.strip() and "notice" not in line]
    last = f"pip: {lines[-1]}\n" if lines else ""
    if "No space left" in errors or "not enough space" in errors:
        return f"{last}{describe_full_disk()} {AGAIN}"
    for pattern, fix in PIP_ERRORS:
        if re.search(pattern, errors):
            return f"{last}{fix} {AGAIN}"
    return f"{last}pip failed with exit code {code}. Fix the problem that the lines above describe. {AGAIN}"


def describe_full_disk() -> str:
    """Return which of the disks that pip writes to has the least free space, and how to free some.

    Returns
    -------
    str
        Message for the learner.
    """
    temporary = next(filter(None, map(os.environ.get, ("TMPDIR", "TEMP", "TMP"))), tempfile.gettempdir())
    fixes = {
        str(HERE): f"Free about {NEEDED_GB} GB on that disk.",
        temporary: "Set TMPDIR (on Windows, TEMP) to a folder on a disk with more free space, or free some space.",
        os.path.expanduser("~"): "pip caches its downloads there. Set PIP_CACHE_DIR to a folder on a disk with more "
        "free space.",
    }
    free = {place: shutil.disk_usage(place).free for place in fixes if os.path.isdir(place)}
    place = min(free, key=lambda name: free[name])
    return f"The disk that contains {place} is full: {free[place] / 1e9:.1f} GB are free. {fixes[place]}"


# --- running ----------------------------------------------------------------------------------------------------


def fetch_once() -> None:
    """Download the real data set at the first start; the course also opens without it."""
    tried = VENV / "course-fetch-tried"
    if tried.exists():
        return
    if subprocess.call(course_command(["fetch"])):
        print("\nThe course opens without MovieLens-100K. Only some parts of the chapters use this data set.")
        print("To download it when there is a network connection, type: python course.py fetch\n", flush=True)
    tried.write_text("")


def replace_process(command: list, env: "dict | None" = None) -> int:
    """Replace this process by a command, so that the command receives Ctrl-C and determines the exit code.

    Windows cannot replace a process, so the command runs as a child process there.

    Parameters
    ----------
    command : list of str
        Program and arguments.
    env : dict of str to str, optional
        Environment variables; by default those of this process.

    Returns
    -------
    int
        Exit code of the command, on Windows; elsewhere the function does not return.
    """
    sys.stdout.flush()
    env = dict(os.environ) if env is None else env
    if os.name != "nt":
        os.execve(command[0], command, env)
    child = subprocess.Popen(command, env=env)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            pass  # the child process receives Ctrl-C, too, and decides what to do


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
