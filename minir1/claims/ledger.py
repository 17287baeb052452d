"""Which claims are there, and what was found? The ledger of verdicts: claims.json.

One claim may be tested again without the others: its entry is replaced, the rest stays.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import Any

from minir1 import __version__
from minir1.claims.claim import Claim, Figure, Finding
from minir1.claims.job import RESULT, Job, commit, with_needs
from minir1.errors import UserError, did_you_mean
from minir1.storage.files import read_json, replace_file, to_json

SCHEMA = 1
ALONE = {"verdict": "not judged", "condition": "as one seed has no interval"}
LEDGER = "claims.json"
CLAIMS = {
    "accuracy": "a",
    "length": "b",
    "reflection": "c",
    "languages": "d",
    "stages": "e",
    "cold-start": "f",
    "mixture": "g",
    "alignment": "h",
    "distillation": "i",
    "sharpening": "j",
    "transfer": "k",
}
STUDIES = ("variants", "faults", "hacks")  # beside the claims


def choose(wanted: str | None) -> list[Claim]:
    """Return the claims that a word on the command line stands for; None: all claims.

    "studies" are those beside the claims, "everything" is both; a letter is a claim too.

    Raises: UserError that guesses what was meant.
    """
    groups: dict[str | None, list[str]] = {
        None: list(CLAIMS),
        "claims": list(CLAIMS),
        "studies": list(STUDIES),
        "everything": [*CLAIMS, *STUDIES],
    }
    letters: dict[str | None, list[str]] = {letter: [name] for name, letter in CLAIMS.items()}
    names: dict[str | None, list[str]] = {name: [name] for name in (*CLAIMS, *STUDIES)}
    known: dict[str | None, list[str]] = {**groups, **letters, **names}
    if wanted not in known:
        hint = did_you_mean(str(wanted), [*CLAIMS, *STUDIES])
        raise UserError(
            f"there is no claim {wanted!r}{hint}; there are {', '.join([*CLAIMS, *STUDIES])}"
        )
    return [_load(name) for name in known[wanted]]


def _load(name: str) -> Claim:
    module = importlib.import_module(f"minir1.claims.{name.replace('-', '_')}")
    claim: Claim = module.CLAIM
    return claim


def entry(claim: Claim, seeds: int, work: Path) -> dict[str, Any]:
    """Judge a claim by the results of its jobs; return its entry of the ledger.

    Raises: UserError where a job is not done.
    """
    jobs = list(with_needs(claim.jobs(seeds)))
    results = {job.name: _result(job, work) for job in jobs}
    finding = claim.judge(results, seeds)
    made = [read_json(job.folder(work) / RESULT) for job in jobs]
    return {
        "id": claim.id,
        "letter": claim.letter,
        "sentence": claim.sentence,
        "source": claim.source,
        "experiment": claim.experiment,
        "command": f"minir1 reproduce {claim.id} --seeds {seeds}",
        "seeds": seeds,
        "jobs": len(jobs),
        "core_minutes": round(sum(one["seconds"] for one in made) / 60, 1),
        "version": __version__,
        "commits": sorted({one["commit"] for one in made if one["commit"]}),
        "judged_at": commit(),
        **_told(finding),
        **(ALONE if seeds < 2 else {}),
    }


def _result(job: Job, work: Path) -> Mapping[str, Any]:
    found = job.result(work)
    if found is None:
        raise UserError(f"{job.name} is not done: run the claim again")
    return found


def _told(finding: Finding) -> dict[str, Any]:
    """Turn a finding into what JSON holds: an interval that is not known is null."""
    told = asdict(finding)
    for kind in ("figures", "controls"):
        told[kind] = [_plain(figure) for figure in getattr(finding, kind)]
    return told


def _plain(figure: Figure) -> dict[str, Any]:
    told = asdict(figure)
    return {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in told.items()}


def record(entries: Iterable[Mapping[str, Any]], out: Path) -> list[dict[str, Any]]:
    """Put entries into the ledger of a folder; return all that it holds, in order."""
    path = out / LEDGER
    held = read_json(path) if path.exists() else {"claims": [], "studies": []}
    both = [*held["claims"], *held["studies"], *entries]
    latest = {one["id"]: dict(one) for one in both}
    order = [*CLAIMS, *STUDIES]
    every = [latest[name] for name in order if name in latest]
    ledger = {
        "schema": SCHEMA,
        "claims": [one for one in every if one["letter"]],
        "studies": [one for one in every if not one["letter"]],
    }
    out.mkdir(parents=True, exist_ok=True)
    replace_file(path, (to_json(ledger, indent=1) + "\n").encode())
    return every


def all_jobs(claims: Sequence[Claim], seeds: int) -> list[Job]:
    """Return the jobs of some claims, each once, what is needed first."""
    return list(with_needs(job for claim in claims for job in claim.jobs(seeds)))
