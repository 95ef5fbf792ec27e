"""Set the course up and run it, with nothing but Python.

    python course.py lab        open the course (the first time: install it, which takes some minutes)
    python course.py test       run every test and every notebook (the first time: add what the tests need)
    python course.py fetch      fetch the real data, MovieLens-100K
    python course.py doctor     say what is there, what is missing, and how to fix it
    python course.py progress   show which objectives you have shown
    python course.py update     get the newest chapters without losing your work
    python course.py add NAME   install an extra: scale (Spark), dev (tests), benchmarks (other libraries)

What follows the command is passed on, for example: python course.py lab --no-browser
Everything is installed into the folder .venv beside this file; delete that folder to undo it.
"""

# Only what Python 3.6 can read may be written here, so that an old Python can say which one is needed.
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
COMMANDS = ("lab", "test", "fetch", "doctor", "progress", "update", "add")
OLDEST, TOO_NEW = (3, 11, 5), (3, 15)
NEEDED_GB = 4
PACKAGE_CHECK = "recsys_teach/course/installed.py"  # the environment's Python runs it to look at its packages
BASE = "base"  # what every learner needs; the extras are listed in pyproject.toml
UNFINISHED = "unfinished"  # a stamp says this from before pip starts until everything is installed
AGAIN = "Then type the same command again: what was downloaded is kept."
# How pip reaches an index. Its other settings (user, target, require-hashes, ...) would install something else, or
# somewhere else, so pip runs here without them.
KEPT_FOR_PIP = """
    PIP_CACHE_DIR PIP_CERT PIP_CLIENT_CERT PIP_DEFAULT_TIMEOUT PIP_EXTRA_INDEX_URL PIP_FIND_LINKS PIP_INDEX_URL
    PIP_KEYRING_PROVIDER PIP_NO_CACHE_DIR PIP_NO_INDEX PIP_NO_INPUT PIP_PROGRESS_BAR PIP_PROXY PIP_RETRIES PIP_TIMEOUT
    PIP_TRUSTED_HOST PIP_USE_DEPRECATED PIP_USE_FEATURE PIP_VERBOSE"""
KEPT_FOR_UV = """
    UV_CACHE_DIR UV_DEFAULT_INDEX UV_EXTRA_INDEX_URL UV_HTTP_TIMEOUT UV_INDEX UV_INDEX_URL UV_LINK_MODE UV_NATIVE_TLS
    UV_NO_CACHE UV_SYSTEM_CERTS"""
NAMES_IN_UV = {  # uv does not read what pip is told
    "PIP_INDEX_URL": "UV_DEFAULT_INDEX",
    "PIP_EXTRA_INDEX_URL": "UV_INDEX",
    "PIP_FIND_LINKS": "UV_FIND_LINKS",
    "PIP_TRUSTED_HOST": "UV_INSECURE_HOST",
    "PIP_CERT": "SSL_CERT_FILE",
    "PIP_PROXY": "ALL_PROXY",
}
PIP_SAYS = [  # the first pattern that is in pip's words, and what to do
    (
        "SOCKS support",
        "A SOCKS proxy is set, and pip cannot use one. Set HTTPS_PROXY and ALL_PROXY to an http:// proxy, or unset "
        "them where no proxy is needed.",
    ),
    (
        "invalid path: |TLS CA certificate bundle",
        "The file with certificates that pip was told to use is not there; the lines above name it. Set PIP_CERT to "
        "the right file, or unset PIP_CERT, REQUESTS_CA_BUNDLE and SSL_CERT_FILE.",
    ),
    (
        "CERTIFICATE_VERIFY_FAILED|SSLError",
        "The package index answered with a certificate that is not trusted here. Set PIP_CERT to the file with your "
        "network's certificates.",
    ),
    (
        "Permission denied|Read-only file system",
        "A folder cannot be written; the lines above name it. Make it writable.",
    ),
    (
        "Failed to establish|NameResolution|Connection|timed out|ProxyError|Max retries",
        "The package index could not be reached. Check the network, and behind a proxy set HTTPS_PROXY.",
    ),
    (
        "No matching distribution",
        "The package index has no version of the package in the line above that fits. The course runs on Windows "
        "(x64), macOS 14 or newer (Apple silicon) and Linux (x86_64 or aarch64, glibc 2.28 or newer), with a 64-bit "
        "Python. If this is such a machine, check PIP_INDEX_URL and the network.",
    ),
]


class SetupError(Exception):
    """The set-up cannot go on; the message says what to do."""


def main(args: list) -> int:
    """Set up what is missing, pass the arguments to recsys-teach, and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # print in any encoding
    if not args or args[0] in ("-h", "--help", "help"):
        print(__doc__)
        return 0
    try:
        refuse_unknown_command(args[0])
        refuse_other_pythons()
        refuse_incomplete_course()
        if args[0] == "doctor":
            return hand_over(*doctor_command(args))
        extras = asked_extras(args)
        if "benchmarks" in extras:
            return subprocess.call([sys.executable, str(HERE / "benchmarks" / "setup.py")], env=variables())
        set_up(extras)
        if args[0] == "add":
            print(f"Installed: {', '.join(extras)}.")
            return 0
        if args[0] in ("lab", "test"):
            fetch_once()
    except SetupError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. Type the same command again: what was downloaded is kept.", file=sys.stderr)
        return 130
    return hand_over(course_command(args))


def refuse_unknown_command(command: str) -> None:
    """Raise before anything is installed if there is no such command."""
    if command not in COMMANDS:
        close = difflib.get_close_matches(command, COMMANDS, 1)
        guess = f" Did you mean {close[0]!r}?" if close else ""
        raise SetupError(f"Expected one of {', '.join(COMMANDS)}; got {command!r}.{guess}")


def refuse_other_pythons() -> None:
    """Raise if the course does not run with this Python."""
    if not OLDEST <= tuple(sys.version_info[:3]) < TOO_NEW:
        got = ".".join(map(str, sys.version_info[:3]))
        raise SetupError(
            f"Expected Python 3.11.5 or newer and older than 3.15; got {got}. Get one from "
            "https://www.python.org/downloads/ and type the same command with it."
        )


def refuse_incomplete_course() -> None:
    """Raise if a file is missing without which nothing works."""
    for name in ("pyproject.toml", "constraints.txt", "recsys_teach/__main__.py", PACKAGE_CHECK):
        if not (HERE / name).is_file():
            raise SetupError(
                f"{name} is missing in {HERE}. Get it back with: git checkout -- {name}\n"
                "In a copy without git, download the course again."
            )


def asked_extras(args: list) -> list:
    """Return the extras that the command needs."""
    if args[0] != "add":
        return ["dev"] if args[0] == "test" else []
    known, wanted = sorted(project()["optional-dependencies"]), args[1:]
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        got = repr(unknown[0]) if unknown else "nothing"
        raise SetupError(f"Expected the name of an extra, one of {', '.join(known)}; got {got}.")
    return wanted


def in_venv(program: str) -> Path:
    """Return the path of a program of the environment."""
    return VENV / "Scripts" / f"{program}.exe" if os.name == "nt" else VENV / "bin" / program


def course_command(args: list) -> list:
    """Return the command that runs the course's command line in its environment."""
    return [str(in_venv("python")), "-P", "-m", "recsys_teach", *args]


def doctor_command(args: list) -> tuple:
    """Return the command and variables for the doctor, who looks at what is there and installs nothing."""
    command = course_command(args)
    if look() is None:
        print("There is no environment yet, or it does not run; python course.py lab makes it.", flush=True)
        command[0] = sys.executable
    path = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return command, {**os.environ, "PYTHONPATH": path}


# --- what is there ----------------------------------------------------------------------------------------------


def project() -> dict:
    """Read the table of the project in pyproject.toml."""
    import tomllib  # since Python 3.11

    return tomllib.loads((HERE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def pins() -> list:
    """Read the tested versions, "name==version", without comments."""
    lines = (HERE / "constraints.txt").read_text(encoding="utf-8-sig").splitlines()
    return sorted(filter(None, (line.partition("#")[0].strip() for line in lines)))


def stamp(extra: str) -> str:
    """Name what an installation is made from: what the lists say, the environment's Python, the place."""
    table = project()
    wanted = table["dependencies"] if extra == BASE else table["optional-dependencies"][extra]
    python = (VENV / "pyvenv.cfg").read_text(encoding="utf-8", errors="replace")
    parts = [sorted(wanted), pins(), table.get("scripts"), re.findall(r"version\S* = (\S+)", python)]
    parts.append(repr(os.fsencode(str(HERE))))  # the same in every locale
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def stamp_file(extra: str) -> Path:
    """Return the file that says from what an extra was installed."""
    return VENV / f"course-stamp-{extra}"


def read_stamp(extra: str) -> str:
    """Return the stamp of an extra; an empty text if it was never installed."""
    try:
        return stamp_file(extra).read_text()
    except OSError:
        return ""


def is_installed(extra: str) -> bool:
    """Tell whether an extra was installed completely from exactly these lists."""
    try:
        return read_stamp(extra) == stamp(extra)
    except OSError:
        return False


def look(*options: str) -> "dict | None":
    """Ask the environment for each package of the course and its first damaged file; None if it does not run."""
    script = HERE / PACKAGE_CHECK
    try:
        command = [str(in_venv("python")), "-I", str(script), *options]
        answer = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    except (OSError, subprocess.CalledProcessError, ValueError):
        return None
    damage = answer["packages"]
    if not OLDEST <= tuple(answer["python"]) < TOO_NEW or damage.get("pip", "missing"):
        return None
    ours = {"recsys-teach", *(pin.partition("==")[0] for pin in pins())}
    return {name: file for name, file in damage.items() if name in ours}


def damaged_packages(found: dict) -> dict:
    """Return the damaged packages, and those that have gone since the set-up, with a word on each."""
    damaged = {name: f"{file} is missing or incomplete" for name, file in found.items() if file}
    try:
        before = json.loads((VENV / "course-packages").read_text())
    except (OSError, ValueError):
        before = []
    return {**{name: "is no longer installed" for name in before if name not in found}, **damaged}


# --- installing -------------------------------------------------------------------------------------------------


def set_up(extras: list) -> None:
    """Make the environment what the lists say, unless it is that already and has all its files."""
    known = sorted(project()["optional-dependencies"])
    wanted = [BASE, *(extra for extra in known if extra in extras or read_stamp(extra))]

    def is_complete() -> bool:
        found = look()
        return found is not None and not damaged_packages(found) and all(map(is_installed, wanted))

    if is_complete():
        return
    with only_one_set_up():
        if not is_complete():
            print(f"Setting up the course in {VENV}. You can stop with Ctrl-C and go on later.", flush=True)
            fresh = not repair()
            if fresh:
                make_venv()
            install(wanted, fresh)


def repair() -> bool:
    """Reinstall damaged packages; return whether the environment can be used, else it must be made again."""
    interrupted = any(read_stamp(extra) == UNFINISHED for extra in [BASE, *project()["optional-dependencies"]])
    found = look("--sizes") if interrupted or not read_stamp(BASE) else look()
    if found is None:
        return False
    damaged = damaged_packages(found)
    if not damaged:
        return True
    name, word = sorted(damaged.items())[0]
    print(f"The environment is damaged, for example {name}: {word}.", flush=True)
    if interrupted or not read_stamp(BASE):
        return False
    others = sorted(set(damaged) - {"recsys-teach"})  # install() brings that one in any case
    if others:
        print(f"Installing {', '.join(others)} again ...", flush=True)
        run_pip(pip_environment(), "--ignore-installed", "--no-deps", *others, "-c", "constraints.txt")
    found = look() or {"recsys-teach": "everything"}
    return not set(damaged_packages(found)) - {"recsys-teach"}


def install(wanted: list, fresh: bool) -> None:
    """Install the course with its extras; write the stamps last."""
    for extra in wanted:
        stamp_file(extra).write_text(UNFINISHED)
    extras = [extra for extra in wanted if extra != BASE]
    env = pip_environment()
    if not fresh and everything_is_here(env, extras):
        print("All packages are already here; no network is needed.", flush=True)
        complete = True
    else:
        what = " and ".join(["the packages", *(f"the extra {extra}" for extra in extras)])
        print(f"Installing {what}; the next start takes seconds ...", flush=True)
        # pip chooses torch, by the learner's own settings of pip; uv is fast for the many others.
        run_pip(env, "torch", "setuptools", "uv", "-c", "constraints.txt")
        complete = run_uv(env, extras) == 0
        if not complete:
            print("uv could not install the packages; pip does it, which takes longer ...", flush=True)
    limits = ["--no-index", "--no-deps"] if complete else ["-c", "constraints.txt"]
    course = f".[{','.join(extras)}]" if extras else "."
    run_pip(env, *limits, "--no-build-isolation", "--editable", course)
    found = look("--sizes")
    damaged = {"the environment": "does not run"} if found is None else damaged_packages(found)
    if damaged:
        name, word = sorted(damaged.items())[0]
        raise SetupError(
            f"The installation is not complete: {name}: {word}. Something removed it, perhaps a virus scanner or "
            f"another program. {AGAIN}"
        )
    (VENV / "course-packages").write_text(json.dumps(sorted(found or ())))
    for extra in wanted:
        stamp_file(extra).write_text(stamp(extra))


def everything_is_here(env: dict, extras: list) -> bool:
    """Tell whether no package has to be installed, as after the folder was moved; needs no network."""
    print("Checking whether the packages are already here ...", flush=True)
    try:
        answer = subprocess.run(
            [*uv_command(extras), "--offline", "--dry-run"],
            cwd=str(HERE),
            env=uv_environment(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return answer.returncode == 0 and b"no changes" in answer.stdout
    except OSError:  # without uv, the same question takes pip half a minute
        course = f".[{','.join(extras)}]" if extras else "."
        pip = [str(in_venv("python")), "-m", "pip", "install", "--no-index", "--dry-run", "--no-build-isolation"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.call([*pip, course, "-c", "constraints.txt"], cwd=str(HERE), env=env, **quiet) == 0


def make_venv() -> None:
    """Make .venv from nothing, after checking whether that can work."""
    free_gb = shutil.disk_usage(str(HERE)).free / 1e9
    if free_gb < NEEDED_GB:
        raise SetupError(
            f"The course needs about {NEEDED_GB} GB on this disk, and {free_gb:.1f} GB are free. "
            f"Free some space, or move the folder to another disk. {AGAIN}"
        )
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise SetupError(
            "This Python cannot make environments: parts of its module venv are missing. On Debian and Ubuntu "
            f"type: sudo apt install python3-venv\n{AGAIN}"
        )
    try:
        VENV.mkdir(exist_ok=True)
        stamp_file(BASE).write_text(UNFINISHED)
    except OSError as error:
        raise SetupError(
            f"The folder {HERE} cannot be written: {error}. Move the course to a folder of your own, "
            "for example in your home folder, and type the same command there."
        ) from error
    print("Making the environment ...", flush=True)
    if subprocess.call([sys.executable, "-m", "venv", "--clear", str(VENV)]):
        raise SetupError(
            "The environment could not be made; Python says why in the lines above. Close the programs that use "
            f"{VENV}, and delete that folder. {AGAIN}"
        )


@contextlib.contextmanager
def only_one_set_up():
    """Wait until no other set-up of this folder runs."""
    try:
        file = (HERE / ".venv.lock").open("w")
    except OSError:  # a folder that cannot be written is reported by make_venv
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
                    print("Another set-up of the course is running; waiting until it is done ...", flush=True)
                waiting = True
                time.sleep(1)
            except OSError:  # a disk without locks
                break
        yield


def lock(file) -> None:
    """Lock a file until it is closed; raise if another process has it."""
    if os.name == "nt":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


# --- pip and uv -------------------------------------------------------------------------------------------------


def variables() -> dict:
    """Return the variables without those that would make pip or uv install something else."""
    kept = {*KEPT_FOR_PIP.split(), *KEPT_FOR_UV.split()}
    return {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "UV_")) or name in kept}


def pip_environment() -> dict:
    """Return the variables for pip: how it reaches an index, also as its configuration files say, and nothing else."""
    env = variables()
    # Not `pip config list`: a file that says "user = true" makes it list that user's file only.
    code = "import json, pip._internal.configuration as c; all = c.Configuration(isolated=False); all.load(); "
    command = [str(in_venv("python")), "-c", code + "print(json.dumps(dict(all.items())))"]
    try:
        listed = json.loads(subprocess.check_output(command, stderr=subprocess.DEVNULL))
    except (subprocess.CalledProcessError, ValueError):
        listed = {}
    for section in ("install.", "global."):  # the first one takes precedence
        for key, value in listed.items():
            name = "PIP_" + key[len(section) :].upper().replace("-", "_")
            if key.startswith(section) and name in KEPT_FOR_PIP.split():
                env.setdefault(name, str(value))
    env.update(PIP_CONFIG_FILE=os.devnull, PIP_DISABLE_PIP_VERSION_CHECK="1")
    return env


def run_pip(env: dict, *arguments: str) -> None:
    """Run pip in the course's folder and show its progress; raise with what to do if it fails."""
    code, errors = run_visibly([str(in_venv("python")), "-m", "pip", "install", *arguments], env)
    if code:
        raise SetupError(why_pip_failed(code, errors))


def uv_command(extras: list) -> list:
    """Return the command by which uv installs the dependencies and these extras."""
    command = [str(in_venv("uv")), "pip", "install", "--python", str(in_venv("python")), "-r", "pyproject.toml"]
    return [*command, *(word for extra in extras for word in ("--extra", extra)), "-c", "constraints.txt"]


def uv_environment(env: dict) -> dict:
    """Return pip's variables and what they are called in uv."""
    env = dict(env, UV_INDEX_STRATEGY="unsafe-best-match")  # all indexes count, as in pip
    for name, theirs in NAMES_IN_UV.items():
        if name in env:
            env.setdefault(theirs, (",".join if theirs == "UV_FIND_LINKS" else " ".join)(env[name].split()))
    return env


def run_uv(env: dict, extras: list) -> int:
    """Let uv install the dependencies and show its progress; return its exit code, 127 if it cannot run."""
    try:
        return subprocess.call(uv_command(extras), cwd=str(HERE), env=uv_environment(env))
    except OSError:
        return 127


def run_visibly(command: list, env: dict) -> tuple:
    """Run a command whose progress is shown as it comes; return its exit code and what it wrote as errors."""
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


def why_pip_failed(code: int, errors: str) -> str:
    """Turn what pip wrote into its last line and what to do."""
    lines = [line.strip() for line in errors.splitlines() if line.strip() and "notice" not in line]
    last = f"pip: {lines[-1]}\n" if lines else ""
    if "No space left" in errors or "not enough space" in errors:
        return f"{last}{which_disk_is_full()} {AGAIN}"
    for pattern, fix in PIP_SAYS:
        if re.search(pattern, errors):
            return f"{last}{fix} {AGAIN}"
    return f"{last}pip stopped with code {code}; the lines above say why. {AGAIN}"


def which_disk_is_full() -> str:
    """Say which of the disks that pip writes to has the least room."""
    temporary = next(filter(None, map(os.environ.get, ("TMPDIR", "TEMP", "TMP"))), tempfile.gettempdir())
    fixes = {
        str(HERE): f"Free about {NEEDED_GB} GB there.",
        temporary: "Set TMPDIR (on Windows TEMP) to a folder on a disk with room, or free some space there.",
        os.path.expanduser("~"): "pip keeps its downloads there. Set PIP_CACHE_DIR to a folder on a disk with room.",
    }
    free = {place: shutil.disk_usage(place).free for place in fixes if os.path.isdir(place)}
    place = min(free, key=lambda name: free[name])
    return f"The disk with {place} is full: {free[place] / 1e9:.1f} GB are free. {fixes[place]}"


# --- running ----------------------------------------------------------------------------------------------------


def fetch_once() -> None:
    """Fetch the real data at the first start; if that fails the course goes on without them."""
    tried = VENV / "course-fetch-tried"
    if tried.exists():
        return
    if subprocess.call(course_command(["fetch"])):
        print("\nThe course opens without MovieLens-100K; only the parts that use it need it.")
        print("When there is a network, type: python course.py fetch\n", flush=True)
    tried.write_text("")


def hand_over(command: list, env: "dict | None" = None) -> int:
    """Become the command, so that Ctrl-C and the exit code are its own; on Windows, wait for it."""
    sys.stdout.flush()
    env = dict(os.environ) if env is None else env
    if os.name != "nt":
        os.execve(command[0], command, env)
    child = subprocess.Popen(command, env=env)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            pass  # the child got it too, and decides


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
