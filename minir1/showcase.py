"""How do the checkpoints of a run answer the same few questions? Side by side, in answers.json.

Validation problems from easy to hard, and a general prompt of every kind that is held out.
One answer each, the first that is drawn: nothing is picked.
"""

from typing import Any

from minir1 import behaviour, conversation, evaluate
from minir1.answers import ask
from minir1.config import RunConfig
from minir1.runfolder import RunFolder
from minir1.tokenizer import WordTokenizer
from minir1.world.general import GeneralPrompt, general_prompts
from minir1.world.questions import Question, held_out_questions

PROBLEMS = 8
GENERAL = 10


def questions() -> list[Question | GeneralPrompt]:
    """List the questions: problems by difficulty, then general prompts by kind."""
    problems = held_out_questions("validation", 250)
    levels = sorted({q.problem.difficulty for q in problems})
    chosen: list[Question | GeneralPrompt] = []
    for level in levels:
        alike = [q for q in problems if q.problem.difficulty == level]
        chosen += alike[: PROBLEMS // len(levels)]
    general = general_prompts("test")
    return chosen + list(general[:: max(1, len(general) // GENERAL)][:GENERAL])


def add_answers(
    run: RunFolder,
    name: str,
    params: dict[str, Any],
    config: RunConfig,
    tokenizer: WordTokenizer,
) -> None:
    """Ask a checkpoint, and add what it says to answers.json."""
    asked = questions()
    config, address = evaluate.untempered(config), (config.seed, "showcase", 0)
    _, samples = ask(params, config, tokenizer, asked, 1, address)
    known = run.read("answers.json") or {
        "questions": [
            {"prompt": q.prompt, "kind": q.kind if isinstance(q, GeneralPrompt) else "problem"}
            for q in asked
        ],
        "answers": {},
    }
    known["answers"][name] = [
        {"completion": s.completion, "right": _is_right(s)} for s in samples
    ]
    run.write("answers.json", known)


def _is_right(sample: behaviour.Sample | conversation.GeneralSample) -> bool:
    if isinstance(sample, conversation.GeneralSample):
        return conversation.is_good(sample)
    return evaluate.is_right(sample)
