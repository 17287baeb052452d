"""Is every wrong setting refused with its dotted key, and every right one taken?"""

import dataclasses
import json
import math

import pytest

from minir1 import config as cfg
from minir1.config import GRPOConfig, ModelConfig, RunConfig, SampleConfig, override, tiny
from minir1.errors import UserError

SECTIONS = [type(part) for part in vars(tiny()).values() if dataclasses.is_dataclass(part)]


def message(*assignments: str) -> str:
    with pytest.raises(UserError) as caught:
        override(tiny(), assignments)
    text = str(caught.value)
    assert "\n" not in text
    return text


def test_the_preset_takes_recipe_and_seed() -> None:
    assert tiny(seed=3).seed == 3
    assert tiny().grpo == GRPOConfig()
    with pytest.raises(UserError, match=r"^recipe=r0: wanted pretrain.* or "):
        tiny("r0")


def test_configurations_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny().seed = 1  # type: ignore[misc]


def test_every_section_is_reached_by_its_own_name() -> None:
    for field in dataclasses.fields(RunConfig):
        part = getattr(tiny(), field.name)
        assert not dataclasses.is_dataclass(part) or part.section == field.name


def test_every_default_is_what_its_annotation_says() -> None:
    for section in SECTIONS:
        made = section()
        for field in dataclasses.fields(section):
            assert type(getattr(made, field.name)) is type(field.default)


# --set


def test_values_are_set_with_their_type() -> None:
    given = ["grpo.learning_rate=1e-3", "grpo.clip_high=1", "reward.kind=random", "seed = 7"]
    config = override(tiny(), given)
    assert config.grpo.learning_rate == 1e-3
    assert config.grpo.clip_high == 1.0 and type(config.grpo.clip_high) is float
    assert config.reward.kind == "random"
    assert config.seed == 7
    assert tiny().seed == 0


@pytest.mark.parametrize(("text", "value"), [("false", False), ("True", True), ("TRUE", True)])
def test_booleans_may_be_spelt_as_json_or_python(text: str, value: bool) -> None:
    assert (
        override(tiny(), [f"model.tie_word_embeddings={text}"]).model.tie_word_embeddings
        is value
    )


def test_a_quoted_word_is_the_word() -> None:
    assert override(tiny(), ["backend='numpy'"]).backend == "numpy"


def test_settings_that_are_only_right_together_can_be_set_together() -> None:
    longer = ["sample.max_tokens=600", "model.max_position_embeddings=1024"]
    assert override(tiny(), longer).sample.max_tokens == 600
    assert "sample.max_tokens=600: wanted less than model.max_pos" in message(longer[0])


def test_the_last_of_two_values_counts() -> None:
    assert override(tiny(), ["seed=1", "seed=2"]).seed == 2


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("clip_low=1", "there is no setting clip_low; did you mean grpo.clip_low?"),
        ("grpo.lr=1", "did you mean grpo.learning_rate?"),
        ("lr=1", "did you mean grpo.learning_rate or dev1.learning_rate or "),
        ("grpo.beta=0", "did you mean grpo.kl_weight?"),
        ("grpo.clip_lo=1", "did you mean grpo.clip_low?"),
        ("grop.steps=1", "did you mean grpo.steps or dev2.steps or r1.steps or "),
        ("sample.temperatur=1", "did you mean sample.temperature?"),
        ("dev2.steps_=1", "did you mean dev2.steps?"),
        ("dev3.steps=1", "did you mean grpo.steps"),
        ("xyzzy=1", "they begin with recipe, seed, backend"),
        ("grpo=1", "grpo is a group; set grpo.steps=..."),
        ("grpo.steps", "wanted --set grpo.steps=40"),
        ("grpo.steps=", "wanted --set grpo.steps=40"),
        ("=1", "there is no setting"),
    ],
)
def test_an_unknown_key_says_what_to_type(given: str, said: str) -> None:
    assert message(given).startswith(f"--set {given}: ")
    assert said in message(given)


KINDS = (
    "rule, random, format, drafts, last-result, verdict, any-numbers, length, reflective, "
    "truncated, penalty, language, noise-30 or noise-50"
)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("grpo.clip_low=0", "a number above 0"),
        ("grpo.clip_low=-1", "a number above 0"),
        ("grpo.clip_low=wide", "a number above 0"),
        ("grpo.kl_weight=-0.1", "a number 0 or more"),
        ("grpo.kl_weight=1e999", "a number 0 or more"),
        ("grpo.zh_prompts=1.5", "a number from 0 to 1"),
        ("grpo.steps=1.5", "a whole number 0 or more"),
        ("grpo.steps=True", "a whole number 0 or more"),
        ("grpo.steps=[1]", "a whole number 0 or more"),
        ("grpo.group=1", "a whole number 2 or more"),
        ("grpo.group=99999999999999999999", "a whole number 2 or more"),
        ("grpo.minibatches=33", "at most grpo.prompts=32: groups stay whole"),
        ("pretrain.beta2=1", "a number from 0 to 0.9999"),
        ("evaluation.problems=501", "a whole number from 1 to 500"),
        ("model.tie_word_embeddings=1", "true or false"),
        ("model.head_dim=31", "an even number: rotary positions turn pairs"),
        ("model.num_key_value_heads=3", "a divisor of num_attention_heads=4"),
        ("grpo.scale=sdt", "std, batch or none; did you mean std?"),
        ("grpo.average=mean", "token, sequence or constant"),
        ("reward.kind=3", KINDS),
        ("reward.kind=verdct", f"{KINDS}; did you mean verdict?"),
        ("reward.kind=last_result", f"{KINDS}; did you mean last-result?"),
        ("recipe=r0", "pretrain, r1-zero, r1 or all"),
        ("dev3.start=dev1", "base or dev2; did you mean dev2?"),
        ("preference.noise=0.5", "a number from 0 to 0.49"),
        ("r1.general_steps=900", f"at most r1.steps={tiny().r1.steps}"),
        ("r1.combine=max", "sum or normalise"),
    ],
)
def test_a_wrong_value_says_what_was_wanted(given: str, wanted: str) -> None:
    text = message(given)
    assert text.startswith(given.split("=")[0] + "=")
    assert text.endswith(f": wanted {wanted}")


def test_what_was_typed_is_never_run() -> None:
    message("grpo.steps=__import__('os').getpid()")
    message("grpo.steps=" + "(" * 10**5)
    assert len(message("x" * 10**5 + "=1")) < 400


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400, "1", None])
def test_construction_checks_as_well(value: object) -> None:
    with pytest.raises(UserError, match=r"^sample\.temperature="):
        SampleConfig(temperature=value)  # type: ignore[arg-type]


# dicts


def test_a_configuration_survives_json() -> None:
    config = override(tiny("pretrain", seed=5), ["grpo.group=4", "model.model_type=qwen3"])
    assert RunConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_from_dict_is_strict() -> None:
    data = tiny().to_dict()
    with pytest.raises(
        UserError, match=r"grpo has an unknown key 'stps'; did you mean steps\?"
    ):
        RunConfig.from_dict({**data, "grpo": {**data["grpo"], "stps": 1}})
    del data["grpo"]["group"]
    with pytest.raises(UserError, match="grpo has no key 'group'"):
        RunConfig.from_dict(data)
    with pytest.raises(UserError, match="grpo is 3: wanted an object"):
        RunConfig.from_dict({**data, "grpo": 3})
    with pytest.raises(UserError, match="the configuration is \\[\\]: wanted an object"):
        RunConfig.from_dict([])


def test_changed_lists_what_differs_and_only_that() -> None:
    config = override(tiny(), ["grpo.group=16", "seed=1"])
    assert cfg.changed(config, tiny()) == {"seed": (0, 1), "grpo.group": (8, 16)}
    assert cfg.changed(tiny(), tiny()) == {}


def test_flatten_names_every_setting_once() -> None:
    flat = cfg.flatten(tiny())
    assert flat["grpo.clip_low"] == 0.2 and flat["recipe"] == "all"
    single = len(dataclasses.fields(RunConfig)) - len(SECTIONS)
    assert len(flat) == single + sum(len(dataclasses.fields(s)) for s in SECTIONS)


# Hugging Face


@pytest.mark.parametrize("kind", ["llama", "qwen2", "qwen3"])
def test_a_shape_survives_hugging_face(kind: str) -> None:
    shape = ModelConfig(model_type=kind, hidden_size=96, rope_theta=5e5)  # type: ignore[arg-type]
    written = json.loads(json.dumps(shape.to_hf(bos=1, eos=2, pad=0)))
    assert ModelConfig.from_hf(written) == shape
    assert written["architectures"] == [ModelConfig.ARCHITECTURES[kind]]
    assert (written["bos_token_id"], written["eos_token_id"], written["pad_token_id"]) == (
        1,
        2,
        0,
    )
    assert written["attention_bias"] is (kind == "qwen2")
    assert shape.qk_norm is (kind == "qwen3")


OLD = {
    "model_type": "qwen2",
    "vocab_size": 1000,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "rope_theta": 1000000.0,
    "use_sliding_window": False,
    "hidden_act": "silu",
    "rope_scaling": None,
    "torch_dtype": "bfloat16",
}


def test_an_old_config_is_read_with_the_defaults_of_transformers() -> None:
    shape = ModelConfig.from_hf(OLD)
    assert (shape.head_dim, shape.num_key_value_heads) == (64, 14)
    assert (shape.rope_theta, shape.rms_norm_eps) == (1e6, 1e-6)
    assert not shape.tie_word_embeddings
    assert ModelConfig.from_hf({**OLD, "model_type": "qwen3"}).head_dim == 128
    assert ModelConfig.from_hf({**OLD, "rope_theta": None}).rope_theta == 1e4


def test_a_new_config_keeps_its_rotary_base() -> None:
    rope = {"rope_type": "default", "rope_theta": 5e5}
    assert ModelConfig.from_hf({**OLD, "rope_parameters": rope}).rope_theta == 5e5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "gpt2"}, "model_type is 'gpt2': minir1 computes llama, qwen2, qwen3"),
        ({"model_type": ["llama"]}, "model_type is ['llama']: minir1 computes llama"),
        ({"hidden_size": None}, "hidden_size is missing"),
        ({"hidden_size": "wide"}, "hidden_size is 'wide': wanted a whole number"),
        ({"num_attention_heads": 0}, "num_attention_heads is 0: wanted a whole number"),
        ({"head_dim": 7}, "model.head_dim=7: wanted an even number"),
        ({"hidden_act": "gelu"}, "hidden_act is 'gelu': minir1 computes only 'silu'"),
        ({"rope_scaling": {"type": "yarn", "factor": 4}}, "rope_type is 'yarn'"),
        ({"rope_parameters": {"rope_type": "llama3"}}, "rope_parameters has no factor"),
        ({"rope_parameters": {"rope_type": ["linear"]}}, "rope_type is ['linear']"),
        ({"rope_parameters": 3}, "rope_parameters is 3: wanted an object"),
        ({"use_sliding_window": True}, "use_sliding_window is True"),
        ({"quantization": {"bits": 4}}, "quantization is {'bits': 4}"),
        ({"model_type": "llama", "attention_bias": True}, "attention_bias is True"),
        ({"model_type": "llama", "mlp_bias": True}, "mlp_bias is True"),
    ],
)
def test_a_variant_that_is_not_computed_is_refused_by_name(change: dict, said: str) -> None:
    with pytest.raises(UserError) as caught:
        ModelConfig.from_hf({**OLD, **change})
    assert str(caught.value).startswith(said)
