"Where a number comes from: the fields that every file of results/ carries"
import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import torch


def processor():
    "The processor's name, as far as the system tells"
    info = Path("/proc/cpuinfo")
    names = [o.split(":")[1].strip() for o in info.read_text().splitlines() if o.startswith("model name")] if info.exists() else []
    return names[0] if names else platform.processor() or platform.machine()


def commit():
    "The commit the code stands at; None outside a checkout"
    try: return subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError): return None


def provenance(command, seed=0, **more):
    "Command, commit, machine, date and seed, and what else there is to say"
    machine = f"{len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()} cores of {processor()}"
    return dict(command=command, commit=commit(), machine=machine, date=datetime.now(UTC).date().isoformat(), seed=seed, torch=torch.__version__) | more
