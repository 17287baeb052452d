"""Is every setting of a real model's run either obeyed or refused, and its name a safe one?"""

from pathlib import Path

import pytest
from golden_models import parameters
from tiny_models import shape_of, write_folder

from minir1.config import RunConfig, tiny
from minir1.errors import UserError
from minir1.model import parameter_shapes
from minir1.real_config import RealConfig, read_config, real
from minir1.real_models import open_real
from minir1.runfolder import next_free
from minir1.settings import flatten, override


def given(*settings: str, tune: str = "full", recipe: str = "r1-zero") -> RealConfig:
    return override(real("somewhere/model", "arithmetic", 0, tune, recipe), settings)


def test_a_configuration_survives_json() -> None:
    for config in (given(), given("prompt.system=Hm", tune="lora", recipe="r1")):
        assert read_config(config.to_dict()) == config
    assert isinstance(read_config(tiny().to_dict()), RunConfig)


def test_every_setting_can_be_typed() -> None:
    config = given(tune="lora", recipe="r1")
    for key, value in flatten(config).items():
        if value != "":
            assert override(config, [f"{key}={value}"]) == config


def test_adapters_learn_ten_times_as_fast_in_every_stage() -> None:
    slow, fast = given(recipe="r1"), given(tune="lora", recipe="r1")
    for stage in ("grpo", "dev1", "dev2", "dev3", "r1"):
        rates = [getattr(config, stage).learning_rate for config in (slow, fast)]
        assert rates[1] == pytest.approx(10 * rates[0]), stage


@pytest.mark.parametrize(
    "typed, text",
    [
        ("Be brief.", "Be brief."), ('"Be brief."', "Be brief."), ("'a = b'", "a = b"),
        ("a=b=c", "a=b=c"), ('say "yes"', 'say "yes"'), ("it's 'so'", "it's 'so'"),
        ('"', '"'), ("''", ""), ("3", "3"), ("true", "true"), ("{question}", "{question}"),
        ("[1, 2]", "[1, 2]"), ("思考", "思考"), ('"  padded "', "  padded "),
    ],
)  # fmt: skip
def test_text_is_taken_as_it_was_typed(typed: str, text: str) -> None:
    assert given(f"prompt.system={typed}").prompt.system == text


@pytest.mark.parametrize(
    "settings, line",
    [
        ("prompt.template=chatt", "did you mean chat"), ("prompt.answer=box", "boxed or last"),
        ("prompt.system=Hm prompt.template=plain", "prompt.template=chat, which alone has"),
        ("lora.rank=4", "lora.rank=4: wanted it left as it is, or --tune lora"),
        ("lora.layers=2", "--tune lora"), ("lora.scale=1", "--tune lora"),
        ("lora.layers=0", "1 or more, or -1 for all"), ("lora.layers=-2", "-1 or more"),
        ("dev1.texts=9", "dev1.texts=9: wanted it left as it is, or --recipe r1"),
        ("dev2.steps=9", "--recipe r1"), ("dev3.file=x", "--recipe r1"), ("r1.steps=1", "--re"),
        ("reward.accuracy=-1", "0 or more"), ("importance_cap=0", "above 0"),
        ("model=", "wanted --set model="), ("prompt=chat", "prompt is a group"),
        ("grpo.zh_prompts=0.1", "there is no setting"), ("max_tokens=9", "sample.max_tokens"),
    ],
)  # fmt: skip
def test_what_would_change_nothing_is_refused(settings: str, line: str) -> None:
    with pytest.raises(UserError, match=line) as told:
        given(*settings.split())
    assert "\n" not in str(told.value)


def test_the_later_stages_are_obeyed_where_they_are_run() -> None:
    assert given("dev1.texts=9", recipe="r1").dev1.texts == 9
    assert given("lora.rank=4", "lora.layers=2", tune="lora").lora.rank == 4
    with pytest.raises(UserError, match=r"dev1\.texts=9"):
        given("dev1.texts=9", tune="lora")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    shape = shape_of()
    place = tmp_path_factory.mktemp("models") / "model"
    return write_folder(place, parameters(parameter_shapes(shape), "config"), shape)


@pytest.mark.parametrize(
    "setting", ["compile=true", "grad_checkpoint=true", "importance_cap=3", "tune=lora"]
)
def test_numpy_refuses_what_only_mlx_does(folder: Path, setting: str) -> None:
    config = override(real(str(folder), "arithmetic"), [setting])
    with pytest.raises(UserError, match=setting.split("=")[0] + "=.*--backend mlx"):
        open_real(config)
    assert open_real(override(config, [setting.split("=")[0] + "=" + usual(setting)]))


def usual(setting: str) -> str:
    return str(flatten(RealConfig())[setting.split("=")[0]])


@pytest.mark.parametrize(
    "model, task, title",
    [
        ("Qwen/Qwen2.5-0.5B", "arithmetic:small", "qwen2.5-0.5b-arithmetic-small"),
        ("a/b/smol-Q8_0.gguf", "c/Questions.jsonl", "smol-q8_0-questions"),
        ("m", "gsm8k:a/b.jsonl", "m-b"),
        ("m", "rg:sums?low=1&high=2", "m-rg-sums-low-1-high-2"),
        ("m", "../../own.py", "m-own"), ("..", "own.py", "own"), (".hidden", "t", "hidden-t"),
        ("a\nb\x1b[31m", "t", "a-b-31m-t"), ("модель", "t", "модель-t"),
        ("m" * 300, "t", "m" * 100),
    ],
)  # fmt: skip
def test_a_run_is_named_after_its_model_and_task(model: str, task: str, title: str) -> None:
    config = RealConfig(model=model, task=task, seed=3)
    assert config.title == title
    assert next_free(config) == Path("runs") / f"{title}-seed3"


def test_a_second_run_of_the_same_name_gets_a_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first = next_free(given())
    assert first.name == "model-arithmetic-seed0"
    first.mkdir(parents=True)
    assert next_free(given()).name == "model-arithmetic-seed0-2"
