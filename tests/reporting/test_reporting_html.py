"""Does a text stay a text, whatever is in it?"""

import json
from html import unescape
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minir1.reporting.html import Markup, join, script_json, section, spoken, tag
from minir1.screen.terminal import LONGEST_TEXT, clean

texts = st.text(st.characters(), max_size=200)


class Elements(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names, self.attributes = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs


def test_an_element_with_attributes():
    written = tag(
        "p", "a < b", tag("b", "c"), class_="x", aria_label='"d"', hidden=True, id=None
    )
    assert written == ('<p class="x" aria-label="&quot;d&quot;" hidden>a &lt; b<b>c</b></p>')


def test_a_void_element_has_no_end():
    assert tag("input", type="range", disabled=False) == '<input type="range">'


def test_lists_are_opened_and_none_left_out():
    assert join(["a", None, [Markup("<b>"), ["&"]]]) == "a<b>&amp;"


@given(texts, texts)
def test_no_text_makes_an_element(content, attribute):
    found = Elements(tag("p", content, title=attribute))
    assert found.names == ["p"] and len(found.attributes) == 1


@given(texts)
def test_a_text_can_be_read_back(content):
    inner = tag("p", content)[3:-4]
    assert unescape(inner).replace("\r", "") == clean(content)


@given(texts)
def test_json_in_a_script_comes_back_and_holds_nothing_dangerous(text):
    written = script_json({"text": text, "n": [1, 2.5]})
    assert json.loads(written) == {"text": text, "n": [1, 2.5]}
    assert written.isascii() and not set("<>&") & set(written)


def test_json_refuses_what_javascript_cannot_read():
    with pytest.raises(ValueError):
        script_json([float("nan")])


def test_chinese_is_marked_and_the_rest_is_not():
    assert spoken("try 等等 不 3 <b>") == ('try <span lang="zh">等等 不</span> 3 &lt;b&gt;')


def test_a_very_long_text_loses_its_middle():
    assert len(tag("p", "x" * 200_000)) < LONGEST_TEXT + 50


def test_a_section_is_named_by_its_heading():
    written = section("answers", "What & who", None, tag("p", "x"))
    assert written.startswith('<section id="answers" aria-labelledby="answers-title">')
    assert '<h2 id="answers-title">What &amp; who</h2><p>x</p>' in written
