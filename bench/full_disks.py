"""A screen on disks that are full, or read-only: small tmpfs, mounted for real. Needs to be root.

    python bench/full_disks.py MODEL_FOLDER

The disk begins with 64 kB and grows by as much each time that the screen stops for lack of space; then it is
resumed.
The final files must be those of a screen that had room from the start.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from kill_screens import SHARDS, final

from matganip.errors import InputError
from matganip.screening.run import screen as screened

STEP = 64


def screen(model: Path, folder: Path) -> str:
    """Complete the screen; returns the message where it stops."""
    try:
        screened(model, folder=folder, top=50, n_shards=SHARDS, cascade=True, keep="all", resume=True)
    except InputError as error:
        return str(error)
    return ""


def mount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(disk)], check=True)  # noqa: S607


def main() -> None:
    model = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        whole, disk = Path(name) / "whole", Path(name) / "disk"
        assert screen(model, whole) == ""
        disk.mkdir()
        mount(disk, f"size={STEP}k")
        try:
            size, stops = STEP, []
            while message := screen(model, disk / "screen"):
                assert "\n" not in message, message
                assert "No space left on device" in message, message
                stops.append(message.rpartition("/")[2])
                size += STEP
                mount(disk, f"remount,size={size}k")
            same = final(disk / "screen") == final(whole)
            print(f"full {len(stops)} times, complete with {size} kB: {'the same bytes' if same else 'OTHER BYTES'}")
            for what in dict.fromkeys(stops):
                print(f"  {what}")
            mount(disk, "remount,ro")
            print(f"read-only: {screen(model, disk / 'screen').rpartition('/')[2]}")
            print(f"read-only, a new folder: {screen(model, disk / 'new').rpartition('/')[2]}")
            mount(disk, f"remount,rw,size={size + STEP}k")  # the result is written again beside the old one
            assert screen(model, disk / "screen") == ""
            raise SystemExit(0 if same and final(disk / "screen") == final(whole) else 1)
        finally:
            subprocess.run(["umount", str(disk)], check=True)  # noqa: S607


if __name__ == "__main__":
    main()
