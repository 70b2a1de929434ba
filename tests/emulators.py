"""An emulator of Azure Blob Storage on the loopback, where it is installed.

Azurite comes by `npm install azurite`: the program azurite-blob, looked for in PATH, or where RAYCRE_AZURITE
says. Without it, a test is skipped. Google has none that
would do: obstore speaks its XML interface, by which fake-gcs-server 1.54 takes no object, and
gcp-storage-emulator 2026.7 lists none and knows no conditions.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from pathlib import Path

import pytest
import requests

from tests.autoscaling import free_port
from tests.processes import kill_tree, until

# Every emulator of Azure's has this account: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


def _program(variable: str, name: str) -> str:
    found = os.environ.get(variable) or shutil.which(name)
    if not found:
        pytest.skip(f"{name} is not installed, nor named by {variable}")
    return found


@contextmanager
def _running(command: list[str], address: str, folder: Path) -> Iterator[None]:
    with (folder / "emulator.log").open("wb") as said:
        server = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)
        try:
            until(lambda: _answers(address) or server.poll() is not None, lambda: "no emulator")
            assert server.poll() is None, (folder / "emulator.log").read_text()
            yield
        finally:
            kill_tree(server.pid)
            server.wait()


def _answers(address: str) -> bool:
    try:
        requests.get(address, timeout=5)
    except requests.ConnectionError:
        return False
    return True


@contextmanager
def serve_azure(folder: Path) -> Iterator[str]:
    """Serve an empty container; yield its URL. This process, and those that it starts, use it meanwhile."""
    port = free_port()
    host = f"http://127.0.0.1:{port}"
    command = [_program("RAYCRE_AZURITE", "azurite-blob"), "--blobPort", str(port), "--location", str(folder),
               "--silent", "--skipApiVersionCheck", "--disableTelemetry"]  # fmt: skip
    with _running(command, host, folder), pytest.MonkeyPatch.context() as patch:
        _make_container(host, "runs")
        patch.setenv("AZURE_STORAGE_USE_EMULATOR", "true")
        patch.setenv("AZURITE_BLOB_STORAGE_URL", host)
        yield "abfs://runs"


def _make_container(host: str, name: str) -> None:
    """PUT a container, signed as Azure asks: "Authorize with Shared Key", version 2009-09-19 and later."""
    headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
    lines = "".join(f"{key}:{value}\n" for key, value in sorted(headers.items()))
    resource = f"/{ACCOUNT}/{ACCOUNT}/{name}\nrestype:container"
    text = "PUT" + "\n" * 12 + lines + resource
    signature = hmac.new(base64.b64decode(KEY), text.encode(), hashlib.sha256).digest()
    headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signature).decode()}"
    answer = requests.put(f"{host}/{ACCOUNT}/{name}?restype=container", headers=headers, timeout=10)
    assert answer.status_code == 201, answer.text
