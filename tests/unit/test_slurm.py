"""deploy/slurm/raycre.sbatch against stand-ins of Slurm and Ray, which write down how they were called."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.processes import until

SCRIPT = ROOT / "deploy" / "slurm" / "raycre.sbatch"
STAND_INS = {
    "scontrol": 'printf "n1\\nn2\\nn3\\n"',
    "srun": """echo "srun $*" >> "$LOG"
while [[ "$1" == --* ]]; do [[ "$1" == --nodelist=* ]] && export NODE="${1#*=}"; shift; done
exec "$@" """,
    "hostname": "echo 10.0.0.1 10.0.0.9",
    "ray": """if [[ "$1" == status ]]; then [[ -e "$LOG.up" ]]; exit; fi
echo "ray on $NODE: $* token=${#RAY_AUTH_TOKEN} mode=$RAY_AUTH_MODE" >> "$LOG"
[[ -n "${NO_HEAD:-}" ]] && exit 1
touch "$LOG.up"; exec sleep 60""",
    "raycre": """echo "raycre $* at $RAY_ADDRESS" >> "$LOG"
trap 'echo "raycre ends" >> "$LOG"; exit 143' TERM
[[ "$1" == wait ]] && { touch "$LOG.waits"; sleep 60 & wait $!; }
exit "${CODE:-0}" """,
}


@pytest.fixture
def slurm(tmp_path: Path) -> dict[str, str]:
    for name, text in STAND_INS.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)
    given = {"SLURM_JOB_ID": "4242", "SLURM_JOB_NODELIST": "n[1-3]", "SLURM_CPUS_PER_TASK": "16"}
    return (
        os.environ
        | given
        | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LOG": str(tmp_path / "log")}
    )


def lines(slurm: dict[str, str], begin: str) -> list[str]:
    return [line for line in Path(slurm["LOG"]).read_text().splitlines() if line.startswith(begin)]


def test_one_raylet_a_node_with_a_token_and_the_run_on_the_first(slurm: dict[str, str]) -> None:
    subprocess.run(
        ["bash", SCRIPT, "creme", "config", "--config", "a b.yaml"], env=slurm, check=True, timeout=30
    )
    started = lines(slurm, "ray on")
    assert sorted(line.split()[2] for line in started) == ["n1:", "n2:", "n3:"]
    assert "--head" in started[0]
    assert all("--num-cpus=16 --num-gpus=0 --block token=64 mode=token" in line for line in started)
    assert all("--address=10.0.0.1:24242" in line for line in started[1:])
    assert lines(slurm, "raycre") == ["raycre creme config --config a b.yaml at 10.0.0.1:24242"]
    assert lines(slurm, "srun")[-1].endswith("rm -rf /tmp/raycre-4242")  # on every node


def test_sockets_have_a_path_that_is_short_enough(slurm: dict[str, str]) -> None:
    subprocess.run(
        ["bash", SCRIPT, "train"], env=slurm | {"SLURM_JOB_ID": "99999999"}, check=True, timeout=30
    )
    (folder,) = [
        w.partition("=")[2] for w in lines(slurm, "ray on")[0].split() if w.startswith("--temp-dir=")
    ]
    session = "session_2026-11-28_11-22-33_123456_1234567/sockets/plasma_store"
    assert len(f"{folder}/{session}") < 107


def test_no_token_stands_in_a_command_line(slurm: dict[str, str]) -> None:
    subprocess.run(["bash", SCRIPT, "train"], env=slurm, check=True, timeout=30)
    assert not [line for line in lines(slurm, "srun") if "TOKEN" in line or "token" in line]


def test_the_run_s_exit_code_is_the_job_s(slurm: dict[str, str]) -> None:
    done = subprocess.run(["bash", SCRIPT, "train"], env=slurm | {"CODE": "3"}, check=False, timeout=30)
    assert done.returncode == 3


def test_a_head_that_does_not_start_ends_the_job(slurm: dict[str, str]) -> None:
    done = subprocess.run(["bash", SCRIPT, "train"], env=slurm | {"NO_HEAD": "1"}, check=False, timeout=30)
    assert done.returncode == 1
    assert not lines(slurm, "raycre")


def test_slurm_s_warning_goes_to_the_run_which_ends_in_its_own_words(slurm: dict[str, str]) -> None:
    with subprocess.Popen(["bash", SCRIPT, "wait"], env=slurm) as job:
        until(Path(f"{slurm['LOG']}.waits").exists, lambda: Path(slurm["LOG"]).read_text())
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=30) == 143
    assert lines(slurm, "raycre")[-1] == "raycre ends"


def test_nothing_to_do_is_refused() -> None:
    done = subprocess.run(["bash", SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr[:6]) == (2, "usage:")
