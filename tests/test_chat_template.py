"""Does a stranger's template write what transformers would, and nothing else?"""

import sys
from datetime import datetime

import pytest

from minir1.chat_template import LONGEST_OUTPUT, render
from minir1.errors import UserError

HELLO = [{"role": "user", "content": "Hé <b>"}]


def refusal(template: str) -> str:
    with pytest.raises(UserError) as caught:
        render(template, HELLO, {})
    text = str(caught.value)
    assert "\n" not in text and text.startswith("the chat template failed: ")
    return text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{% if true %}\n  {% set x = 1 %}\nline\n{% endif %}\nend\n", "line\nend"),
        ("{{ messages[0]['content'] | tojson }}", '"Hé <b>"'),
        ("{{ {'b': [1], 'a': 2} | tojson(sort_keys=True) }}", '{"a": 2, "b": [1]}'),
        ("{{ {'a': 1} | tojson(indent=1) }}", '{\n "a": 1\n}'),
        (
            "{% for i in [1, 2, 3] %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}",
            "1",
        ),
        ("{% generation %}{{ messages[0].role }}{% endgeneration %}!", "user!"),
        ("{{ strftime_now('%Y') }}", f"{datetime.now():%Y}"),
        ("{{ tools is none }}{{ documents is none }}{{ missing is defined }}", "TrueTrueFalse"),
        ("{{ bos_token }}{{ add_generation_prompt }}", "<s>True"),
        ("{% set n = namespace(x=1) %}{% set n.x = 2 %}{{ n.x }}", "2"),
    ],
)
def test_what_templates_may_do(template: str, text: str) -> None:
    names = {"bos_token": "<s>", "add_generation_prompt": True}
    assert render(template, HELLO, names) == text


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("{{ raise_exception('roles must\nalternate') }}", "roles must alternate"),
        ("{% if %}", "Expected an expression"),
        ("{{ messages.append(1) }}", "unsafe"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ cycler.__init__.__globals__ }}", "unsafe"),
        ("{% include 'secrets' %}", "no loader"),
        ("{{ range(1000000) }}", "Range too big"),
        ("{{ messages[7].role }}", "list object has no element 7"),
        (
            "{% for i in range(99999) %}{{ 'x' * 999 }}{% endfor %}",
            f"more than {LONGEST_OUTPUT:,}",
        ),
    ],
)
def test_what_they_may_not(template: str, said: str) -> None:
    assert said in refusal(template)


def test_messages_stay_as_they_are() -> None:
    message = {"role": "user", "content": "x"}
    render("{% set m = messages[0] %}{{ m.content }}", [message], {})
    assert message == {"role": "user", "content": "x"}


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2.sandbox", None)
    with pytest.raises(UserError, match="pip install jinja2"):
        render("x", HELLO, {})
