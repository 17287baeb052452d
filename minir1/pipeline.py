"""What are the recipes? R1-Zero, then R1 out of it stage by stage, then students.

    base ── RL ──────────────────────────────────────────────▶ r1-zero
    base ── SFT on r1-zero's answers, rewritten ─▶ dev1 ── RL ─▶ dev2
    base ── SFT on dev2's answers and general ones ─▶ dev3 ── RL, preferences ─▶ r1
    small-base ── SFT on dev3's set ─▶ distilled ── RL ─▶ distilled-rl
    small-base ── RL, as much compute ─▶ small-rl

A stage is a function from the checkpoints before it to a new one; all under a run folder,
so that whatever stops a run, the same call goes on and ends with the same bits. How a
stage is carried through is in `training.py`; what it sets, in `stage_config.py` and
`rl_settings.py`.
Source: DeepSeek-R1 (arXiv 2501.12948v2), sections 2.2, 3 and B.3
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from minir1 import pretrain, reward_model, rl, rl_settings
from minir1.backend import to_numpy
from minir1.checkpoint import resolve
from minir1.datasets import Checkpoint, Dataset, cold_start_set, preference_pairs, rejection_set
from minir1.preference import label_ceiling
from minir1.runfolder import RunFolder
from minir1.statistics import interval
from minir1.story import Story
from minir1.tokenizer import WordTokenizer
from minir1.training import Stage, fine_tune, fit_judge, keep, make_base, reinforce
from minir1.ui import Dashboard

R1_LINE = ("r1-zero", "dev1", "dev2", "dev3", "reward-model", "r1")
STUDENTS = ("distilled", "small-rl", "distilled-rl")
RECIPES = {"r1-zero": ("r1-zero",), "r1": R1_LINE, "all": (*R1_LINE, *STUDENTS)}
STUDENT = "small-base"  # the shipped model that the students start from


def run_recipe(run: RunFolder, base: Checkpoint, ui: Dashboard) -> dict[str, Any]:
    """Make and measure every checkpoint of the run's recipe; return results.json.

    What an earlier call has finished is read, not made again.
    """
    names = RECIPES[run.config.recipe]
    story = Story.begin(run, ui, base)
    story.measure("base")
    if set(names) & set(STUDENTS):
        if not run.checkpoint_path(STUDENT).exists():
            run.keep_base(resolve(STUDENT), STUDENT)
        story.take(STUDENT)
        story.measure(STUDENT)
    for name in names:
        done = tuple(other for other in names if other != name and story.has(other))
        stage = Stage(run, name, done, ui)
        if name == reward_model.STAGE:
            if not story.has(name):
                make_judge(story, stage)
            continue
        if not story.has(name):
            learner, start = MAKERS[name](story, stage)
            keep(run, name, name, learner, start)
        story.take(name)
        story.measure(name)
    story.write_results()
    return story.results


# the stages

Made = tuple[rl.Learner, Checkpoint]  # what a stage made, and what it started from


def make_r1_zero(story: Story, stage: Stage) -> Made:
    """Pure reinforcement learning from the base, with rewards that can be checked."""
    base = story.checkpoints["base"]
    return reinforce(stage, base, story.config), base


def make_dev1(story: Story, stage: Stage) -> Made:
    """Cold start: the base learns from a few hundred of R1-Zero's answers, rewritten."""
    base, teacher = story.checkpoints["base"], story.checkpoints["r1-zero"]
    data = story.data("dev1", lambda: cold_start_set(teacher, story.config))
    return fine_tune(stage, base, story.config, story.config.dev1, data), base


def make_dev2(story: Story, stage: Stage) -> Made:
    """Reasoning RL: rewards for the answer, the format and one language."""
    start = story.checkpoints["dev1"]
    return reinforce(stage, start, rl_settings.dev2(story.config)), start


def make_dev3(story: Story, stage: Stage) -> Made:
    """Rejection sampling: the base again, with dev2's right answers and general ones."""
    settings = story.config.dev3
    start, data = story.checkpoints[settings.start], _rejection_data(story)
    return fine_tune(stage, start, story.config, settings, data), start


def make_judge(story: Story, stage: Stage) -> None:
    """Fit the reward model to preferences among general answers, and measure it."""
    config, base, start = story.config, story.checkpoints["base"], story.checkpoints["dev3"]
    sources, started = (base, start), time.perf_counter()
    train, held_out = (preference_pairs(sources, config, part) for part in ("train", "test"))
    learner = fit_judge(stage, start, config, train, time.perf_counter() - started)
    judge = reward_model.standardise(
        learner.params, start.config, start.tokenizer, train, config.threads
    )
    right = reward_model.pair_accuracy(judge, held_out, config.threads)
    story.results["seconds"][stage.name] = learner.seconds
    story.results["reward_model"] = {
        "pair_accuracy": interval(right, config.seed),
        "label_ceiling": label_ceiling(held_out),
        "training_pairs": len(train),
        "held_out_pairs": len(held_out),
    }
    story.write_results()
    reward_model.save(story.judge_folder, judge, {"seed": config.seed})


def make_r1(story: Story, stage: Stage) -> Made:
    """RL for all scenarios: problems by rules, general prompts by the reward model."""
    start, judge = story.checkpoints["dev3"], reward_model.load(story.judge_folder)
    return reinforce(stage, start, rl_settings.r1(story.config), judge), start


def make_distilled(story: Story, stage: Stage) -> Made:
    """Distillation: a student learns from the set that made dev3."""
    start, data = story.checkpoints[STUDENT], _rejection_data(story)
    config = replace(story.config, model=start.config)
    data = replace(data, seconds=0.0)  # they were spent for dev3 already
    return fine_tune(stage, start, config, config.distilled, data), start


def make_small_rl(story: Story, stage: Stage) -> Made:
    """The same student by RL alone, with the compute of the set and of learning from it."""
    start = story.checkpoints[STUDENT]
    budget = story.results["compute"]["distilled"] if story.config.small.matched else None
    config = rl_settings.small_rl(replace(story.config, model=start.config))
    return reinforce(stage, start, config, budget=budget), start


def make_distilled_rl(story: Story, stage: Stage) -> Made:
    """RL after distillation, which the paper expects to help and does not show."""
    start = story.checkpoints["distilled"]
    config = rl_settings.distilled_rl(replace(story.config, model=start.config))
    return reinforce(stage, start, config), start


MAKERS: dict[str, Callable[[Story, Stage], Made]] = {
    "r1-zero": make_r1_zero,
    "dev1": make_dev1,
    "dev2": make_dev2,
    "dev3": make_dev3,
    "r1": make_r1,
    "distilled": make_distilled,
    "small-rl": make_small_rl,
    "distilled-rl": make_distilled_rl,
}


def _rejection_data(story: Story) -> Dataset:
    teacher = story.checkpoints["dev2"]
    return story.data("dev3", lambda: rejection_set(teacher, story.config))


def pretrain_base(run: RunFolder, ui: Dashboard) -> dict[str, Any]:
    """Make the base from nothing, then measure it. Returns the contents of results.json."""
    config, tokenizer = run.config, WordTokenizer()
    learner = make_base(Stage(run, pretrain.STAGE, (), ui), config, tokenizer)
    run.save_checkpoint(
        "base",
        {name: to_numpy(value) for name, value in learner.params.items()},
        config.model,
        tokenizer,
        dtype="float16",
        metadata=pretrain.provenance(config, learner),
    )
    story = Story.begin(run, ui, Checkpoint(learner.params, config.model, tokenizer))
    story.results["seconds"][pretrain.STAGE] = learner.seconds
    story.measure("base")
    return story.results
