"""RAY_ADDRESS is settled before Ray starts, and a head that dies is noticed: one line, no wait of minutes."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

import grpc
import pytest
from ray.exceptions import RayError

from raycre.engine import cluster, head, local_ray
from raycre.engine.head import Watch, answers, find_head
from raycre.engine.local_ray import cgroup_cpus, local_options, usable_cpus
from raycre.errors import ConfigError, RaycreError
from raycre.workflows.jobs import check_kept
from tests.conftest import ROOT
from tests.processes import PATIENCE

SERVING = b"\x08\x01"


class Answers(grpc.GenericRpcHandler):
    """What a head answers to gRPC's question after its health; only then, to no other one."""

    def __init__(self, path: str) -> None:
        self._path = path

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if call.method != self._path:
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, context: SERVING)


@contextmanager
def serving(path: str = head._HEALTH) -> Iterator[tuple[str, grpc.Server]]:
    server = grpc.server(ThreadPoolExecutor(2), handlers=[Answers(path)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", server
    finally:
        server.stop(None).wait()


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("given", [None, "", "  ", "local"])
def test_without_an_address_a_run_starts_its_own_ray(
    monkeypatch: pytest.MonkeyPatch, given: str | None
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    if given is not None:
        monkeypatch.setenv("RAY_ADDRESS", given)
    assert find_head() is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("http://127.0.0.1:8265", "the jobs API, which `ray job submit --address` takes"),
        ("ray://127.0.0.1:10001", "Ray Client, through which neither"),
        *((g, "not HOST:PORT of a Ray head") for g in ("localhost", ":6379", "h:x", "h:99999", "h:0", "h:")),
    ],
)
def test_an_address_that_is_none_is_named_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch, given: str, message: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", given)
    with pytest.raises(ConfigError, match="RAY_ADDRESS") as caught:
        find_head()
    assert message in str(caught.value)
    assert "unset RAY_ADDRESS to run on this machine alone" in str(caught.value)


def test_a_head_that_answers_is_taken_and_one_that_has_gone_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")  # heads are never asked through a proxy
    with serving() as (address, _):
        monkeypatch.setenv("RAY_ADDRESS", address)
        assert find_head() == address
        assert answers(address)
    with pytest.raises(RaycreError, match=r"no Ray head answers at .*Connection refused.*ray start --head"):
        find_head()
    assert not answers(address)


def test_a_host_without_a_name_a_silent_port_and_another_service_are_told_apart(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(head, "PATIENCE", 0.5)
    monkeypatch.setenv("RAY_ADDRESS", "nosuchhost.invalid:6379")
    with pytest.raises(RaycreError, match=r"no Ray head answers at nosuchhost\.invalid:6379 \("):
        find_head()
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(RaycreError, match="something listens there, and says nothing"):
            find_head()
    with serving("/other.Service/Call") as (address, _):
        monkeypatch.setenv("RAY_ADDRESS", address)
        with pytest.raises(ConfigError, match=r"what answers at .* is no Ray head; give the port"):
            find_head()


def test_auto_without_a_ray_on_this_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from ray._private import services

    def none(address: str) -> str:
        raise ConnectionError("Could not find any running Ray instance.")

    monkeypatch.setattr(services, "canonicalize_bootstrap_address_or_die", none)
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    with pytest.raises(RaycreError, match="RAY_ADDRESS=auto: no Ray runs on this machine; start one"):
        find_head()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in {"EVERY": 0.05, "PATIENCE": 0.5, "LOST_AFTER": 0.2, "GRACE": PATIENCE}.items():
        monkeypatch.setattr(head, name, seconds)
    monkeypatch.setattr(atexit, "register", lambda call: None)  # this process goes on


def test_a_block_ends_when_the_head_dies_and_says_so(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as (address, server):
        monkeypatch.setattr(cluster, "_address_of_head", lambda: address)

        def run() -> None:
            with cluster._watched():
                server.stop(None).wait()
                threading.Event().wait(PATIENCE)  # as a run waits for its replicas
                pytest.fail("the block was not ended")

        with pytest.raises(RaycreError, match=f"the Ray head at {address} was lost"):
            run()
    assert cluster._watch is None


def test_what_a_dead_head_leads_to_elsewhere_is_told_as_its_death(
    quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving() as (address, server):
        monkeypatch.setattr(cluster, "_address_of_head", lambda: address)
        with pytest.raises(ValueError, match="of its own"), cluster._watched():
            raise ValueError("of its own")
        with pytest.raises(KeyboardInterrupt), cluster._watched():
            raise KeyboardInterrupt  # a person's
        monkeypatch.setattr(head, "LOST_AFTER", PATIENCE)

        def run() -> None:
            with cluster._watched():
                server.stop(None).wait()
                raise OSError("a replica could not be kept alive")

        with pytest.raises(RaycreError, match="was lost"):
            run()


def test_an_error_of_rays_own_is_one_line(quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as (address, _):
        monkeypatch.setattr(cluster, "_address_of_head", lambda: address)
        with pytest.raises(RaycreError) as caught, cluster._watched():
            raise RayError("The actor died:\n  File x, line 1\nModuleNotFoundError: no module y\n")
    assert str(caught.value) == (
        "Ray ended the run: RayError: ModuleNotFoundError: no module y; finished parts are whole, run again "
        "to go on"
    )


def test_a_head_that_stays_is_left_alone(quick: None) -> None:
    with serving() as (address, _), Watch(address) as watch:
        asked = threading.Event()
        asked.wait(20 * head.EVERY)
        assert not watch.lost


@pytest.mark.parametrize(("busy_for", "lost"), [(PATIENCE, False), (0.2, True)])
def test_a_head_that_takes_connections_and_says_nothing_is_given_more_time(
    quick: None, monkeypatch: pytest.MonkeyPatch, busy_for: float, lost: bool
) -> None:
    monkeypatch.setattr(head, "PATIENCE", 0.05)
    monkeypatch.setattr(head, "BUSY_FOR", busy_for)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        watch = Watch(f"127.0.0.1:{silent.getsockname()[1]}")
        with suppress(KeyboardInterrupt), watch:
            threading.Event().wait(PATIENCE if lost else 20 * head.EVERY)
        assert watch.lost == lost


STUCK = """
import signal, threading
from raycre.engine import head
from raycre.engine.interrupt import SIGNAL
head.EVERY, head.PATIENCE, head.LOST_AFTER, head.GRACE = 0.05, 0.5, 0.2, 0.5
with head.Watch("127.0.0.1:{port}"):
    signal.pthread_sigmask(signal.SIG_BLOCK, [SIGNAL])  # as a call that no signal gets out of
    threading.Event().wait(100)
"""


def test_a_program_that_is_stuck_when_the_head_dies_ends_with_the_message(free_port: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STUCK.format(port=free_port)], cwd=ROOT, capture_output=True, text=True,
        timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: the Ray head at 127.0.0.1:{free_port} was lost")
    assert done.stderr.count("\n") == 1


# This machine


@pytest.mark.parametrize(
    ("own", "files", "cpus"),
    [
        ("0::/\n", {"cpu.max": "150000 100000"}, 1.5),
        ("0::/\n", {"cpu.max": "max 100000"}, None),
        ("0::/a/b\n", {"cpu.max": "max 100000", "a/cpu.max": "200000 100000", "a/b/cpu.max": "max 1"}, 2),
        ("0::/a\n", {"cpu.max": "50000 100000", "a/cpu.max": "400000 100000"}, 0.5),
        ("4:memory:/x\n3:cpu,cpuacct:/x\n",
         {"cpu/x/cpu.cfs_quota_us": "300000", "cpu/x/cpu.cfs_period_us": "100000"}, 3),
        ("3:cpu,cpuacct:/\n", {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ("0::/gone\n", {}, None),
    ],
)  # fmt: skip
def test_the_smallest_quota_of_the_cgroups_counts(
    tmp_path: Path, own: str, files: dict[str, str], cpus: float | None
) -> None:
    for name, text in files.items():
        (tmp_path / "fs" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / name).write_text(f"{text}\n")
    (tmp_path / "own").write_text(own)
    assert cgroup_cpus(tmp_path / "fs", tmp_path / "own") == cpus


def test_ray_is_told_the_processors_that_may_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(6)))
    for quota, cpus in ((None, 6), (4.9, 4), (0.5, 1), (64.0, 6)):
        monkeypatch.setattr(local_ray, "cgroup_cpus", lambda q=quota: q)
        assert usable_cpus() == cpus
        with local_options() as options:
            assert options["num_cpus"] == cpus


def test_a_temporary_folder_too_long_for_sockets_is_reached_by_a_short_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("RAY_TMPDIR", str(deep))
    with local_options() as options:
        link = Path(options["_temp_dir"])
        assert len(f"{link}{local_ray._SOCKET}") <= 107
        assert link.resolve() == (deep / "ray").resolve()
    assert not link.is_symlink()


def test_a_temporary_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "absent"))
    with pytest.raises(ConfigError, match=r"RAY_TMPDIR=.*No such file or directory.*set RAY_TMPDIR to"):
        local_options().__enter__()
    monkeypatch.delenv("RAY_TMPDIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "absent"))
    with local_options() as options:
        assert options["_temp_dir"] == "/tmp/ray"
    assert "TMPDIR=" in capsys.readouterr().err
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(local_ray, "_ROOM", 2**62)
    with pytest.raises(ConfigError, match="MiB are free there"):
        local_options().__enter__()


def test_objects_go_to_disk_where_shared_memory_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(local_ray, "SHARED_MEMORY", tmp_path / "shm")
    with local_options() as options:
        assert options["_plasma_directory"] == options["_temp_dir"]
    assert "Ray keeps objects on disk" in capsys.readouterr().err
    (tmp_path / "shm").mkdir()
    with local_options() as options:
        assert "_plasma_directory" not in options


# What a submitted job may write


def test_a_relative_run_out_of_a_submitted_job_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_kept(Path("runs/a"), "run.out")
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    with pytest.raises(ConfigError, match=r"'runs/a': run\.out: a submitted job runs in Ray's own copy"):
        check_kept(Path("runs/a"), "run.out")
    check_kept(tmp_path / "runs", "run.out")
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR")
    package = tmp_path / "ray" / "runtime_resources" / "working_dir_files" / "_ray_pkg_0123"
    package.mkdir(parents=True)
    with pytest.raises(ConfigError, match="absolute path that every node reaches"):
        check_kept(package / "runs", "run.out")
    monkeypatch.chdir(package)
    with pytest.raises(ConfigError, match="--out"):
        check_kept(Path("report.html"), "--out")
