"""`raycre weights` and `raycre tracks`: output, exit codes, and `registry:NAME` in a configuration."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import save

from raycre.backbones.enformer import load as enformer
from raycre.backbones.enformer.model import Enformer
from raycre.backbones.loading import load_backbone
from raycre.backbones.weights import random_state
from raycre.cli import main
from raycre.config import PerturbConfig, make_config
from raycre.create.model.published import to_published
from raycre.demo.genome import DemoGenome
from raycre.errors import ConfigError, FormatError, MissingInputError
from raycre.published.cache import place_of
from raycre.published.catalogue import PUBLISHED
from tests.by_hand import model_of
from tests.conftest import predict_values, train_values
from tests.http_server import Answer, Server, serve

HEAD = "index\tidentifier\tdescription\n"
TABLE = f"{HEAD}0\tF1\tCAGE:K562\n1\tF2\tDNASE:bone marrow\n2\tF3\tCAGE:bone marrow\n"


@pytest.fixture(autouse=True)
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A mirror that has "weights" under every address, and an empty cache."""
    with serve(b"weights") as running:
        monkeypatch.setenv("RAYCRE_MIRROR", running.url)
        monkeypatch.setenv("RAYCRE_CACHE", str(tmp_path / "cache"))
        monkeypatch.delenv("RAYCRE_OFFLINE", raising=False)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.setenv(name, "127.0.0.1")
        yield running


def put(name: str, content: bytes, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `content` the published file of this name, and put it into the cache."""
    sha256 = hashlib.sha256(content).hexdigest()
    monkeypatch.setitem(PUBLISHED, name, replace(PUBLISHED[name], size=None, git_blob=None, sha256=sha256))
    place_of(PUBLISHED[name]).parent.mkdir(parents=True)
    place_of(PUBLISHED[name]).write_bytes(content)
    return place_of(PUBLISHED[name])


class Cli:
    """Runs the command line; keeps what it printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as end:
            main(list(arguments))
        self.out, self.err = self._capsys.readouterr()
        return int(end.value.code or 0)

    def json(self, *arguments: str) -> dict[str, Any]:
        assert self(*arguments, "--json") == 0, self.err
        assert self.out.count("\n") == 1
        found: dict[str, Any] = json.loads(self.out)
        return found


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    return Cli(capsys)


def test_list_shows_what_is_published_and_what_is_here(cli: Cli, server: Server) -> None:
    assert cli("weights", "list") == 0
    assert [line.split()[0] for line in cli.out.splitlines()[2:]] == list(PUBLISHED)
    assert cli("weights", "fetch", "borzoi-1") == 0
    rows = {row["name"]: row for row in cli.json("weights", "list")["published"]}
    assert (rows["borzoi-1"]["cached"], rows["borzoi-1"]["checked_by"]) == ("yes", "recorded sha256")
    assert rows["borzoi-1"]["sha256"] == hashlib.sha256(b"weights").hexdigest()
    assert (rows["borzoi-2"]["cached"], rows["borzoi-2"]["checked_by"]) == ("no", "nothing yet")
    assert rows["borzoi-2"]["seen"] == "inferred"
    assert rows["enformer"]["address"] == PUBLISHED["enformer"].address
    assert len(server.paths) == 1


def test_list_shows_what_is_half_here(cli: Cli, server: Server) -> None:
    server.answers = [Answer(cut=3), Answer(status=404)]
    assert cli("weights", "fetch", "borzoi-1") == 1
    row = next(row for row in cli.json("weights", "list")["published"] if row["name"] == "borzoi-1")
    assert row["cached"] == "3 bytes of it"


def test_fetch_takes_patterns_and_says_where_and_how_to_use_it(cli: Cli, server: Server) -> None:
    found = cli.json("weights", "fetch", "borzoi-[01]")["fetched"]
    assert [row["use"] for row in found] == ["registry:borzoi-0", "registry:borzoi-1"]
    assert [Path(row["path"]).read_bytes() for row in found] == [b"weights"] * 2
    assert server.paths == [f"/johahi/borzoi-replicate-{i}/resolve/main/model.safetensors" for i in (0, 1)]
    assert cli.json("weights", "fetch", "borzoi-0")["fetched"][0]["was"] == "there"


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["fetch", "borzoi-9"], 2, "'borzoi-9': nothing published has this name; did you mean borzoi-"),
        (["fetch", "borzoi-0", "--offline"], 2, "offline, and not in the cache; run `raycre weights fetch"),
        (["fetch", "enformer"], 1, "the server's file has 7 bytes, the published one 1,005,149,571"),
        (["fetch", "create-sequence"], 1, "its git blob is "),
        (["verify", "borzoi-9"], 2, "nothing published has this name"),
        (["verify", "borzoi-0"], 2, "not in the cache as published: borzoi-0"),
    ],
)
def test_what_fails_is_one_line_and_its_exit_code(
    cli: Cli, arguments: list[str], code: int, says: str
) -> None:
    assert cli("weights", *arguments) == code
    assert says in cli.err.splitlines()[-1]
    assert cli.err.splitlines()[-1].startswith("error: ")


def test_verify_reads_what_is_cached_and_names_what_is_wrong(cli: Cli) -> None:
    assert cli.json("weights", "verify") == {"verified": [], "wrong": []}
    cli("weights", "fetch", "borzoi-0", "borzoi-1")
    assert cli.json("weights", "verify")["wrong"] == []
    place_of(PUBLISHED["borzoi-1"]).write_bytes(b"Weights")
    assert cli("weights", "verify", "--json") == 2
    found = json.loads(cli.out)
    assert (len(found["verified"]), found["wrong"]) == (2, ["borzoi-1"])
    assert "its SHA-256 is" in found["verified"][1]["found"]


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        (["assay=CAGE"], [0, 2]),
        (["assay=CAGE", "biosample=K562"], [0]),
        (["assay=CAGE biosample=K562"], [0]),
        (["assay=CAGE", "biosample=bone marrow"], [2]),
        (["assay=CAGE", 'biosample="bone marrow"'], [2]),
        (["2", "0"], [2, 0]),
        (["2,0"], [2, 0]),
        (["f2"], [1]),
    ],
)
def test_tracks_prints_what_a_query_finds(
    cli: Cli, tmp_path: Path, query: list[str], rows: list[int]
) -> None:
    (tmp_path / "t.tsv").write_text(TABLE)
    found = cli.json("tracks", *query, "--table", str(tmp_path / "t.tsv"))["tracks"]
    assert [row["track_id"] for row in found] == rows
    assert cli("tracks", *query, "--table", str(tmp_path / "t.tsv")) == 0
    assert [line.split()[0] for line in cli.out.splitlines()[3:]] == [str(row) for row in rows]


def test_tracks_says_how_to_get_a_table(cli: Cli, server: Server) -> None:
    assert cli("tracks", "CAGE", "--model", "borzoi", "--head", "mouse") == 2
    assert "run `raycre weights fetch borzoi-tracks-mouse`" in cli.err
    assert "or give --table" in cli.err
    assert cli("tracks", "CAGE", "--head", "rat") == 2
    assert "there are enformer-tracks-human, enformer-tracks-mouse, borzoi-tracks-human" in cli.err
    assert server.paths == []


@pytest.mark.parametrize(
    ("model", "head", "query", "rows"),
    [
        # CREME Methods: PC-3, GM12878 and K562 of Enformer's human head
        ("enformer", "human", "assay=CAGE biosample=PC-3", [4824]),
        ("enformer", "human", "assay=CAGE biosample=GM12878", [5110]),
        ("enformer", "human", 'assay=CAGE biosample="K562 ENCODE"', [5111]),
        ("enformer", "human", "4824,5110,5111", [4824, 5110, 5111]),
        ("enformer", "human", "CNhs12336", [5111]),
        ("enformer", "mouse", "identifier=ENCFF866ZTV", [0]),
        ("borzoi", "human", "CNhs12336", [872]),  # both strands, 872 and 873, summed
        ("borzoi", "human", "CNhs12336+ --strands separate", [872]),
        ("borzoi", "mouse", "CNhs10464- --strands separate", [1]),
    ],
)
def test_published_tables_answer_from_the_cache(
    cli: Cli,
    shared: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    head: str,
    query: str,
    rows: list[int],
) -> None:
    text = gzip.decompress((shared / f"data/tracks/{model}_{head}.tsv.gz").read_bytes())
    put(f"{model}-tracks-{head}", text, monkeypatch)
    query, *options = query.split(" --strands ")
    strands = ["--strands", *options] if options else []
    found = cli.json("tracks", query, "--model", model, "--head", head, *strands)
    assert [row["track_id"] for row in found["tracks"]] == rows


def test_a_changed_cached_table_is_refused(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    put("enformer-tracks-human", TABLE.encode(), monkeypatch).write_text(TABLE + "3\tF4\tCAGE:x\n")
    assert cli("tracks", "CAGE") == 2
    assert "its SHA-256 is" in cli.err


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> partial[Enformer]:
    """Shrink Enformer to 3 human tracks."""
    sizes: dict[str, Any] = {"seq_len": 1024, "n_bins": 4, "channels": 12, "n_blocks": 1, "n_heads": 2}
    small = partial(Enformer, **sizes, key_size=2, channel_step=2, n_human=3, n_mouse=1)
    monkeypatch.setattr(enformer, "Enformer", small)
    monkeypatch.setattr(enformer, "N_TRACKS", {"human": 3, "mouse": 1})
    return small


def test_a_configuration_may_name_published_files(
    toy: partial[Enformer], monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = save(random_state(toy(), 3))
    table = put("enformer-tracks-human", TABLE.encode(), monkeypatch)
    path = put("enformer", weights, monkeypatch)
    values = {
        "run": {"out": "runs/c"},
        "inputs": {"fasta": "g.fa", "gtf": "g.gtf", "genes": ["A"]},
        "tracks": "assay=CAGE",
        "model": {"backbone": "enformer", "weights": "registry:enformer"}
        | {"track_table": "registry:enformer-tracks-human"},
    }
    config = make_config(PerturbConfig, values)
    assert config.paths()["model.track_table"] == table
    model = load_backbone("enformer", weights=config.model.weights, track_table=config.model.track_table)
    assert model.trained
    assert model.weights_sha256 == hashlib.sha256(weights).hexdigest()
    assert model.tracks["biosample"].tolist() == ["K562", "bone marrow", "bone marrow"]
    codes = torch.zeros((1, 1024), dtype=torch.uint8)
    by_path = load_backbone("enformer", weights=str(path))
    assert torch.equal(model.read(codes, [0], [1]), by_path.read(codes, [0], [1]))


def test_published_weights_that_are_missing_or_changed_are_named(
    toy: partial[Enformer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(
        MissingInputError, match=r"'registry:enformer': not in the cache; run `raycre weights fetch enformer`"
    ):
        load_backbone("enformer", weights="registry:enformer")
    with pytest.raises(ConfigError, match="'enfromer': nothing published has this name; did you mean enf"):
        load_backbone("enformer", weights="registry:enfromer")
    with pytest.raises(ConfigError, match="nothing published has this name"):
        load_backbone("enformer", weights="registry:borzoi-[0-3]")  # one file, not a pattern
    put("enformer", b"weights", monkeypatch).write_bytes(b"Weights")
    with pytest.raises(FormatError, match=r"its SHA-256 is .*run `raycre weights fetch enformer`"):
        load_backbone("enformer", weights="registry:enformer")


@pytest.fixture
def verbs(genome: DemoGenome, tmp_path: Path) -> dict[str, list[str]]:
    """Arguments of a dry run of train and of predict that name CREATE's published weights."""
    train = train_values(genome, tmp_path / "run")
    predict = predict_values(genome, tmp_path, tmp_path / "run")
    predict["model"] = {"checkpoint": "registry:create-sequence-openness-loops"}
    for verb, values in (("train", train), ("predict", predict)):
        (tmp_path / f"{verb}.yaml").write_text(yaml.safe_dump(values))
    init = ["--init", "registry:create-sequence-openness-loops"]
    return {
        "train": ["train", "--config", str(tmp_path / "train.yaml"), "--dry-run", *init],
        "predict": ["predict", "--config", str(tmp_path / "predict.yaml"), "--dry-run"],
    }


@pytest.mark.parametrize("verb", ["train", "predict"])
def test_published_create_weights_are_taken_from_the_cache(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, verbs: dict[str, list[str]], verb: str
) -> None:
    name = "create-sequence-openness-loops"
    content = io.BytesIO()
    torch.save({"model": to_published(model_of(0).state_dict())}, content)
    put(name, content.getvalue(), monkeypatch)
    assert cli.json(*verbs[verb])["dry_run"] is True
    place_of(PUBLISHED[name]).write_bytes(b"x" + content.getvalue()[1:])
    assert cli(*verbs[verb]) == 2
    assert f"run `raycre weights fetch {name}`" in cli.err


@pytest.mark.parametrize("verb", ["train", "predict"])
def test_published_create_weights_that_are_not_cached_are_named_with_the_fetch(
    cli: Cli, verbs: dict[str, list[str]], verb: str, server: Server
) -> None:
    assert cli(*verbs[verb]) == 2
    assert "'registry:create-sequence-openness-loops': not in the cache; run `raycre weights fetch" in cli.err
    assert server.paths == []
    wrong = "model.init" if verb == "train" else "model.checkpoint"
    arguments = verbs[verb][: verbs[verb].index("--dry-run")]
    assert cli(*arguments, "--set", f"{wrong}=registry:create-sequnce") == 2
    assert "'create-sequnce': nothing published has this name; did you mean create-sequence" in cli.err


def test_what_is_fetched_says_how_a_verb_takes_it(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    put("create-sequence", b"weights", monkeypatch)
    (row,) = cli.json("weights", "fetch", "create-sequence")["fetched"]
    assert row["use"] == "registry:create-sequence"
