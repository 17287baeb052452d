"""What does every checkpoint answer to the same question?"""

from collections.abc import Mapping
from typing import Any

from minir1.reporting import cast
from minir1.reporting.completions import completion, question, verdict
from minir1.reporting.formats import listing, mapping
from minir1.reporting.html import Markup, section, spoken, tag
from minir1.reporting.rundata import RunData, asked_prompts

MOST_BYTES = 420_000  # of the page that the answers may take
KINDS = {
    "problem": "problem",
    "greeting": "greeting",
    "fact": "question of fact",
    "request": "request",
    "instruction": "instruction",
    "harmful": "harmful request",
}


def answers_side_by_side(run: RunData) -> Markup | None:
    """Show the answers of all checkpoints, a question at a time."""
    questions = asked_prompts(run.answers)
    given = mapping(run.answers.get("answers"))
    names = [name for name in cast.in_order(given) if listing(given[name])]
    if not questions or not names:
        return None
    shown: list[Markup] = []
    size = 0
    for i, asked in enumerate(questions):
        article = _article(i, asked, {n: _nth(given[n], i) for n in names})
        size += len(article.encode())
        if shown and size > MOST_BYTES:
            break
        shown.append(article)
    lead = (
        "The same questions to every checkpoint, one answer each, the first that was drawn: "
        "nothing is picked. Thinking is folded; summary and answer stand below it."
    )
    note = (
        tag(
            "p",
            f"The first {len(shown)} of {len(questions)}; the others are in answers.json.",
            class_="caption",
        )
        if len(shown) < len(questions)
        else None
    )
    body = tag("div", _chooser(questions[: len(shown)]), shown, note, id="questions")
    return section("answers", "The same questions, every checkpoint", lead, body)


def _nth(given: object, i: int) -> Mapping[str, Any] | None:
    answers = listing(given)
    return mapping(answers[i]) if i < len(answers) else None


def _chooser(questions: list[Mapping[str, Any]]) -> Markup:
    """Offer the questions by kind; hidden until the script is there to listen."""
    by_kind: dict[str, list[Markup]] = {}
    for i, asked in enumerate(questions):
        option = tag("option", question(asked.get("prompt")), value=str(i))
        by_kind.setdefault(_kind(asked), []).append(option)
    groups = [tag("optgroup", options, label=kind) for kind, options in by_kind.items()]
    return tag(
        "div",
        tag(
            "button",
            "←",
            type="button",
            class_="step",
            data_go="-1",
            aria_label="question before",
        ),
        tag("select", groups, aria_label="question", class_="choice"),
        tag(
            "button", "→", type="button", class_="step", data_go="1", aria_label="next question"
        ),
        tag("button", "unfold thinking", type="button", class_="unfold", aria_pressed="false"),
        class_="controls",
        hidden=True,
    )


def _kind(asked: Mapping[str, Any]) -> str:
    kind = str(asked.get("kind", "problem"))
    return KINDS.get(kind, kind)


def _article(
    i: int, asked: Mapping[str, Any], given: Mapping[str, Mapping[str, Any] | None]
) -> Markup:
    """Write a question and what everyone answers to it."""
    problem = asked.get("kind", "problem") == "problem"
    cards = [
        tag(
            "div",
            tag("h4", cast.title(name)),
            verdict(answer.get("right"), problem),
            completion(answer.get("completion")),
            class_=f"answer-card {cast.look(name)}",
        )
        for name, answer in given.items()
        if answer is not None
    ]
    heading = tag("h3", spoken(question(asked.get("prompt"))), tag("small", _kind(asked)))
    return tag(
        "article",
        heading,
        tag("div", cards, class_="cards"),
        id=f"question-{i}",
        class_="question",
    )
