"""Pictures of a page, by a headless chromium that touches neither the network nor a user's profile."""

import shutil
import subprocess
import tempfile
from pathlib import Path

WIDTH, HEIGHT = 1200, 1660  # px, what the README shows: the board and the first chart
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # what the browser asks for itself stays on this machine
    "--enable-logging=stderr",
)


def chromium() -> str | None:
    """The browser's path, or None where there is none."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def browse(page: Path, *options: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """Open `page` with `options`, as `--dump-dom`; raises OSError without a browser or where it fails."""
    browser = chromium()
    if browser is None:
        raise OSError("no chromium found")
    with tempfile.TemporaryDirectory(prefix="report-browser-", ignore_cleanup_errors=True) as profile:
        command = [browser, *FLAGS, f"--user-data-dir={profile}", *options, page.resolve().as_uri()]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
        except subprocess.TimeoutExpired as late:
            raise OSError(f"chromium took longer than {seconds:.0f} seconds") from late
    if done.returncode:
        raise OSError(f"chromium ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done


def picture(page: Path, png: Path, width: int = WIDTH, height: int = HEIGHT, dark: bool = False) -> Path:
    """A PNG of the first `height` px of `page`, `width` px wide; returns its path."""
    browse(
        page,
        f"--screenshot={png.resolve()}",
        f"--window-size={width},{height}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
    )
    if not png.is_file():
        raise OSError("chromium took no picture")
    return png
