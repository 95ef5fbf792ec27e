"""The real thing: JupyterLab in headless Chromium, used as a learner uses it."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request

import pytest
from conftest import REPOSITORY, skip_or_fail

from recsys_teach.course.cli import QUIET, lab_env
from recsys_teach.course.notebook_env import kernel_env

TOKEN = "for-this-test-only"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
SETTINGS = {
    "@jupyterlab/notebook-extension": {"tracker.jupyterlab-settings": {"windowingMode": "none"}},
}
WRONG = """def truncation_error(s, k):
    return (s[k:] ** 2).sum()


check("4.1", truncation_error)"""
RIGHT = WRONG.replace("(s[k:] ** 2).sum()", "np.sqrt((s[k:] ** 2).sum())")


def chromium():
    """Find the system's Chromium."""
    found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
    return next((path for path in found if path), None)


@pytest.fixture
def lab(tmp_path):
    """Serve a copy of chapter 04 by JupyterLab on loopback; give its address."""
    (tmp_path / "work").mkdir()
    shutil.copy(REPOSITORY / "chapters" / "04_svd.ipynb", tmp_path / "work")
    for package, files in SETTINGS.items():
        folder = tmp_path / "settings" / package
        folder.mkdir(parents=True)
        for file, settings in files.items():
            (folder / file).write_text(json.dumps(settings), "utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    env = kernel_env(tmp_path / "home") | {
        "JUPYTER_CONFIG_PATH": lab_env()["JUPYTER_CONFIG_PATH"],
        "JUPYTERLAB_SETTINGS_DIR": str(tmp_path / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(tmp_path / "workspaces"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
        "IPYTHONDIR": str(tmp_path / "ipython"),
    }
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        "--no-browser",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
    ]
    command += [f"--IdentityProvider.token={TOKEN}", f"--ServerApp.root_dir={tmp_path / 'work'}"]
    command += ["--ServerApp.allow_root=True", *QUIET]
    log = (tmp_path / "lab.log").open("wb")
    server = subprocess.Popen(command, env=env, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        wait_for(lambda: urllib.request.urlopen(f"{address}/api?token={TOKEN}", timeout=2).status == 200, 60)
        yield address
    finally:
        server.terminate()
        server.wait(20)
        log.close()


def kernel_is_ready(address):
    """Ask the server whether the notebook's kernel is idle and the page is connected to it."""
    with urllib.request.urlopen(f"{address}/api/kernels?token={TOKEN}", timeout=5) as answer:
        kernels = json.load(answer)
    return bool(kernels) and kernels[0]["execution_state"] == "idle" and kernels[0]["connections"] >= 1


def wait_for(condition, seconds):
    """Wait until a condition holds; errors of a server that is not there yet count as no."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s")


@pytest.mark.browser
@pytest.mark.notebook
def test_learner_runs_chapter_04_in_jupyterlab(lab, tmp_path):
    browser_path = chromium()
    if browser_path is None:
        skip_or_fail("there is no Chromium on this machine")
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1300, "height": 1000})
        page.goto(f"{lab}/lab/tree/04_svd.ipynb?token={TOKEN}")
        idle = page.locator('.jp-NotebookPanel .jp-Notebook-ExecutionIndicator[data-status="idle"]')
        expect(idle).to_be_attached(timeout=60_000)

        # Run all cells, and wait for the last one's output. The page can say idle before its kernel listens.
        wait_for(lambda: kernel_is_ready(lab), 60)
        page.locator(".lm-MenuBar-item", has_text="Run").first.click()
        page.get_by_text("Run All Cells", exact=True).click()
        progress_line = page.locator(".jp-OutputArea-output", has_text="of 5 objectives demonstrated")
        expect(progress_line).to_be_attached(timeout=90_000)
        expect(idle).to_be_attached(timeout=60_000)
        assert page.locator('.jp-RenderedText[data-mime-type="application/vnd.jupyter.error"]').count() == 0

        # Move the slider; the figure beside it changes.
        figure = page.locator(".jp-OutputArea .widget-html img")
        handle = page.locator(".jp-OutputArea .noUi-handle")
        expect(figure).to_have_count(1, timeout=20_000)
        before = figure.get_attribute("src")
        assert "2 directions" in figure.get_attribute("alt")
        handle.scroll_into_view_if_needed()
        handle.focus()
        page.keyboard.press("ArrowRight")
        expect(figure).not_to_have_attribute("src", before, timeout=20_000)
        assert "3 directions" in figure.get_attribute("alt")

        # Answer an exercise wrongly, then rightly, and read both messages.
        cell = page.locator(".jp-CodeCell", has_text="def truncation_error")
        for answer, message in [(WRONG, "the root is missing"), (RIGHT, "squared errors of those left out add up")]:
            cell.locator(".cm-content").click()
            page.keyboard.press("Control+a")
            page.keyboard.insert_text(answer)
            page.keyboard.press("Shift+Enter")
            expect(cell.locator(".jp-OutputArea-output")).to_contain_text(message, timeout=20_000)
        assert page.locator(".Toastify__toast").count() == 0, "nothing asks about news"
        if pictures := os.environ.get("RECSYS_TEACH_SCREENSHOTS"):
            cell.scroll_into_view_if_needed()
            page.screenshot(path=f"{pictures}/chapter_04.png")
        browser.close()
