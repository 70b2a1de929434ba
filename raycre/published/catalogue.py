"""Published weights and track tables: names, addresses, sizes, checksums.

Marks of an address: "authors" (in the paper or the authors' repository), "elsewhere" (in other public code or
pages), "inferred" (built from a naming scheme, never seen whole). A checksum is None where none is published;
the first fetch then records it, and later ones are held to that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from raycre.errors import ConfigError, near

ENFORMER = "https://huggingface.co/EleutherAI/enformer-official-rough/resolve"
ENFORMER_COMMIT = "affe5713ae9017460706a44108289b13c5fee16c"
JOHAHI = "https://huggingface.co/johahi"
BASENJI_COMMIT = "74b867105a235a3e0eb663022cee2fbf430deaf0"
BASENJI = f"https://raw.githubusercontent.com/calico/basenji/{BASENJI_COMMIT}/manuscripts/cross2020"
BORZOI_COMMIT = "5c9358222b5026abb733ed5fb84f3f6c77239b37"
BORZOI = f"https://raw.githubusercontent.com/calico/borzoi/{BORZOI_COMMIT}/examples"
CREATE_COMMIT = "be7c696525a15cbe3cca1d14d7e1ca2fb4cc5986"
CREATE = f"https://github.com/cuixj19/CREATE/raw/{CREATE_COMMIT}/pth"
GAMMA_COMMIT = "5a5974d2821c728f93294731c50b55f1f55fd86d"
GAMMA = f"https://raw.githubusercontent.com/lucidrains/enformer-pytorch/{GAMMA_COMMIT}/enformer_pytorch"


@dataclass(frozen=True)
class Published:
    """One published file.

    Attributes:
        name: what the command line and `registry:NAME` call it.
        what: what is in it.
        address: where it is; its last part is the file's name in the cache.
        revision: the commit that the address is fixed to; "main" where it is not fixed.
        licence: as its page states it.
        seen: mark of the address, see the module.
        size: bytes.
        sha256: 64 hexadecimal digits.
        git_blob: SHA-1 of "blob SIZE\\0" and the content, which git names the file by.
        md5: 32 hexadecimal digits; it is checked beside whatever else is known.
        command: that fetches it, for messages; `{name}` stands for its name.
    """

    name: str
    what: str
    address: str
    revision: str
    licence: str
    seen: Literal["authors", "elsewhere", "inferred"]
    size: int | None = None
    sha256: str | None = None
    git_blob: str | None = None
    md5: str | None = None
    command: str = "raycre weights fetch {name}"

    @property
    def fetch_command(self) -> str:
        """The command that fetches it."""
        return self.command.format(name=self.name)

    @property
    def file(self) -> str:
        """Name of the file."""
        return self.address.rpartition("/")[2]


def _johahi(model: str, replicate: int, suffix: str = "") -> Published:
    """Borzoi and Flashzoi as PyTorch, one row a replicate, about 744 MB each; hashes are not known."""
    inferred = model == "flashzoi" or replicate == 2
    return Published(
        name=f"{model}{suffix}-{replicate}",
        what=f"{model.capitalize()}, replicate {replicate}{', mouse' if suffix else ''}",
        address=f"{JOHAHI}/{model}-replicate-{replicate}{suffix}/resolve/main/model.safetensors",
        revision="main",
        licence="MIT" if model == "flashzoi" else "CC BY 4.0",
        seen="inferred" if inferred else "elsewhere",
    )


def _tracks(model: str, head: str, rows: int, size: int, sha256: str, git_blob: str) -> Published:
    enformer = model == "enformer"
    return Published(
        name=f"{model}-tracks-{head}",
        what=f"{model.capitalize()}'s {rows:,} {head} tracks",
        address=f"{BASENJI if enformer else BORZOI}/targets_{head}.txt",
        revision=BASENJI_COMMIT if enformer else BORZOI_COMMIT,
        licence="Apache-2.0",
        seen="authors",
        size=size,
        sha256=sha256,
        git_blob=git_blob,
    )


def _create(modalities: str, file: str, git_blob: str) -> Published:
    return Published(
        name=f"create-{modalities}",
        what=f"CREATE's pre-trained {modalities.replace('-', ', ')}; the cell type is not said",
        address=f"{CREATE}/{file}",
        revision=CREATE_COMMIT,
        licence="MIT",
        seen="authors",
        git_blob=git_blob,
    )


PUBLISHED: dict[str, Published] = {
    item.name: item
    for item in (
        Published(
            name="enformer",
            what="Enformer, both heads, PyTorch",
            address=f"{ENFORMER}/{ENFORMER_COMMIT}/pytorch_model.bin",
            revision=ENFORMER_COMMIT,
            licence="CC BY 4.0",
            seen="elsewhere",
            size=1_005_149_571,
            sha256="99b09d602e195d89c7d4debe144bb2f43907ba0d74006e97098e99d9171c439c",
        ),
        Published(
            name="enformer-config",
            what="sizes of that Enformer, JSON",
            address=f"{ENFORMER}/{ENFORMER_COMMIT}/config.json",
            revision=ENFORMER_COMMIT,
            licence="CC BY 4.0",
            seen="elsewhere",
            size=439,
            sha256="ad7a0e07b2fe40fd4c93a8528416406b4429f303946f5a93209ef26f160a034f",
        ),
        *(_johahi("borzoi", replicate) for replicate in range(4)),
        *(_johahi("borzoi", replicate, "-mouse") for replicate in range(4)),
        *(_johahi("flashzoi", replicate) for replicate in range(4)),
        _create("sequence", "pretrain_seq.pth", "2391b8b53000e72a8b13d5bf58c29352c6d28f9e"),
        _create("sequence-openness", "pretrain_seq+open.pth", "20b7e86ae8e3e39f396423d8a5b7883b3689e44a"),
        _create(
            "sequence-openness-loops",
            "pretrain_seq+open+loop.pth",
            "9f91b00feddb430932d36a3c5088475be939fd6d",
        ),
        _tracks(
            "enformer",
            "human",
            rows=5_313,
            size=800_919,
            sha256="d90233175a9fec389e5ac04cc4aac8cfc08c4aa86217e2e5c10221de78023580",
            git_blob="ecd509ba04ec176584015620a047f94bd6d99ae9",
        ),
        _tracks(
            "enformer",
            "mouse",
            rows=1_643,
            size=250_458,
            sha256="f76c869a38bfc79690d7a43e86f155db9b8ac8085ff5a717f99358b3253cd230",
            git_blob="0c36a751d87ff906f1a0710d29ced89de090c8da",
        ),
        _tracks(
            "borzoi",
            "human",
            rows=7_611,
            size=1_215_560,
            sha256="cb0c1d4baf514f44de458364b2ae0b85f722a80b72cbe66c56bd700faa481785",
            git_blob="b2fedc9c155fce1f991c06d2fce9e64bff22f97c",
        ),
        _tracks(
            "borzoi",
            "mouse",
            rows=2_608,
            size=411_585,
            sha256="b751060f82aa4ffe3cf818b49f9f066c37822cb86b88f8d736fc9a640ff5f854",
            git_blob="affb228b0c79f172514637e5d88a7f74d97f194d",
        ),
        Published(
            name="tf-gamma",
            what="TensorFlow's gamma features, to compare with (benchmarks/gamma_table.py)",
            address=f"{GAMMA}/precomputed/tf_gammas.pt",
            revision=GAMMA_COMMIT,
            licence="MIT",
            seen="elsewhere",
            size=393_841,
            sha256="595eb2f3b4aca209b98af6eb22e12ba41ca950c997547abcc7e2c93274034308",
            git_blob="42d3941e7924c6d0df755d5353c77b579196c436",
        ),
    )
}


def find_published(names: Sequence[str]) -> list[Published]:
    """Rows of these names, which may be patterns ("borzoi-[0-3]"), each once.

    Raises:
        ConfigError: a name that matches none.
    """
    found: dict[str, Published] = {}
    for name in names:
        matching = {known: item for known, item in PUBLISHED.items() if fnmatchcase(known, name)}
        if not matching:
            raise ConfigError(
                f"nothing published has this name{near(name, PUBLISHED)}; see `raycre weights list`",
                value=name,
            )
        found |= matching
    return list(found.values())
