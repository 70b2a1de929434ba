"""macOS and Windows, as far as a Linux machine can play them; nothing here was run on either."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import stat
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from raycre.engine import local_ray
from raycre.engine.local_ray import apple_gpus, cgroup_cpus, local_options, usable_cpus
from raycre.errors import RaycreError
from raycre.store import files
from raycre.workflows import devices
from raycre.workflows.train import groups

# What a Mac lacks is gone or not there: files of Linux, and calls that only Linux has.
MAC = """
import os, platform, sys
import grpc, pandas, pyBigWig, ray, ray.train.torch, scipy.stats, sklearn, torch, typer
sys.platform = "darwin"
platform.machine = lambda: "arm64"
del os.sched_getaffinity
def refuse(event, arguments):
    path = str(arguments[0]) if arguments else ""
    if event == "open" and path.startswith(("/proc", "/sys", "/dev/shm")):
        raise FileNotFoundError(2, "No such file or directory", path)
    if event == "ctypes.dlopen":
        raise OSError("a library of the system's")
sys.addaudithook(refuse)
"""
WINDOWS = """
import os, signal, sys
import typer
sys.platform = "win32"
sys.modules["fcntl"] = None
del signal.SIGUSR2, signal.pthread_kill, os.sched_getaffinity
"""


def run(*program: str) -> subprocess.CompletedProcess[str]:
    """Run Python text in a process of its own."""
    command = [sys.executable, "-c", "\n".join(program)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def mac(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(platform, "machine", lambda: "arm64")


def test_every_module_is_imported_and_a_run_prepared_without_what_only_linux_has(tmp_path: Path) -> None:
    program = f"""
import pkgutil, raycre
for module in pkgutil.walk_packages(raycre.__path__, "raycre."):
    if not module.name.endswith("__main__"):
        __import__(module.name)
from pathlib import Path
from raycre.engine.local_ray import local_options
from raycre.store.files import write_json
from raycre.workflows.devices import prepare
from raycre.workflows.doctor import examine
write_json(Path({str(tmp_path)!r}) / "a.json", 1)
prepare(1, gpus=0)
with local_options() as options:
    print(options["num_cpus"] == os.cpu_count(), options["num_gpus"], "_plasma_directory" in options)
print(examine()["cpus"] == os.cpu_count())
"""
    done = run(MAC, program)
    assert done.stderr == ""
    assert done.stdout.split() == ["True", "1", "False", "True"]


def test_windows_is_refused_in_one_line_that_names_wsl() -> None:
    done = run(WINDOWS, "from raycre.cli import main", "main(['--version'])")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "error: raycre runs on Linux and macOS, not on Windows itself; install it in WSL"
    )
    assert done.stderr.count("\n") == 1


# Sockets: 104 bytes on macOS, 108 on Linux, the last of them a zero


@pytest.mark.parametrize(("system", "longest"), [("darwin", 103), ("linux", 107)])
def test_a_socket_has_as_many_bytes_as_the_system_allows(
    system: str, longest: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    room = longest - len(local_ray._SOCKET)
    for n, fits in ((room, True), (room + 1, False)):
        folder = Path(f"{tmp_path}/{'d' * 200}"[:n])
        with local_ray._short(folder) as short:
            assert (short == folder) is fits
            assert len(f"{short}{local_ray._SOCKET}") <= longest


def test_letters_of_several_bytes_count_as_such(tmp_path: Path) -> None:
    room = 107 - len(local_ray._SOCKET) - len(f"{tmp_path}/")
    folder = tmp_path / ("ü" * (room // 2 + 1))  # of two bytes each
    with local_ray._short(folder) as short:
        assert short != folder


def test_the_long_temporary_folder_of_a_mac_is_reached_by_a_short_link(
    mac: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "var" / "folders" / "zz" / "zyxvpxvq6csfxvn_n0000000000000" / "T"
    folder.mkdir(parents=True)
    monkeypatch.setenv("TMPDIR", f"{folder}/")
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setattr(local_ray, "SHARED_MEMORY", tmp_path / "shm")  # /dev is there, /dev/shm is not
    with local_options() as options:
        assert len(f"{options['_temp_dir']}{local_ray._SOCKET}") <= 103
        assert Path(options["_temp_dir"]).resolve() == folder / "ray"
        assert "_plasma_directory" not in options
    assert capsys.readouterr().err == ""


# Processors and GPUs


def test_processors_are_counted_without_affinity_and_cgroups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(local_ray, "cgroup_cpus", partial(cgroup_cpus, own=tmp_path / "absent"))
    monkeypatch.setattr(os, "cpu_count", lambda: 10)
    assert usable_cpus() == 10


def test_ray_is_told_of_the_gpu_of_a_mac_with_apple_silicon(monkeypatch: pytest.MonkeyPatch) -> None:
    for system, machine, n in (("darwin", "arm64", 1), ("darwin", "x86_64", 0), ("linux", "aarch64", 0)):
        monkeypatch.setattr(sys, "platform", system)
        monkeypatch.setattr(platform, "machine", lambda m=machine: m)
        assert apple_gpus() == n
        with local_options() as options:
            assert options.get("num_gpus", 0) == n


def test_the_gpu_of_a_mac_is_taken_where_one_is_asked_for(mac: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert devices.prepare(1, gpus=0).type == "cpu"
    assert devices.prepare(1, gpus=0.5).type == "mps"
    assert devices.gpu_names() == ["MPS, the GPU of this Mac"]
    with pytest.raises(RaycreError, match=r"tf32 is of NVIDIA's GPUs.*take bfloat16"):
        devices.prepare(1, gpus=1, tf32=True)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert devices.gpu_names() == []
    with pytest.raises(RaycreError, match=r"torch sees none here; MPS needs a Mac with Apple silicon"):
        devices.prepare(1, gpus=1)
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(RaycreError, match=r"torch sees none here; install a CUDA build of torch"):
        devices.prepare(1, gpus=1)


def test_only_the_c_library_of_linux_is_told_to_keep_memory(
    mac: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: pytest.fail("a library was opened"))
    devices.keep_memory()


def test_tensors_of_a_mac_are_summed_over_workers_by_way_of_the_processor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """gloo reads tensors of the CPU and of CUDA alone."""
    summed: list[Any] = []
    monkeypatch.setattr(torch.distributed, "all_reduce", lambda tensor, group: summed.append(tensor))
    on_cpu, taken = torch.ones(2), []

    def copy(x: torch.Tensor) -> str:
        taken.append(x)
        return "itself"

    on_mps: Any = SimpleNamespace(device=SimpleNamespace(type="mps"), cpu=lambda: on_cpu, copy_=copy)
    assert str(groups.Team(size=2).all_reduce(on_mps)) == "itself"
    assert summed[1] is on_cpu
    assert taken[0] is on_cpu


# File systems


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP])
def test_a_file_is_written_where_folders_cannot_be_synced(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write_json(tmp_path / "a.json", [1])
    assert files.read_json(tmp_path / "a.json") == [1]


def test_a_folder_that_fails_to_sync_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(descriptor: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error"):
        files._sync_folder(tmp_path)
