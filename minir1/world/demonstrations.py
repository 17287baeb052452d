"""What do careful people answer to general prompts? The general half of the data for dev3.

People who are asked to write good answers do so mostly, not always: what they leave wrong is
for the preference stage to mend. Simple requests are answered at once, without thinking, as in
the non-reasoning data of DeepSeek-R1 (section 2.3.3 of the first version).
Left out: the reasoning half, which the model writes itself.
"""

from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate

from minir1.rng import generator
from minir1.traces import EOS
from minir1.world.chat import manners
from minir1.world.general import GeneralPrompt, general_prompts
from minir1.world.thoughts import Draw, pick

# How often each manner of `chat.manners` is met among careful people; the web's own shares
# are in CorpusConfig.
CAREFUL: Mapping[str, float] = {
    "good": 0.80,
    "wrong": 0.07,
    "rude": 0.0,
    "foreign": 0.05,
    "careless": 0.08,
}


def demonstrations(
    seed: int, stage: str, count: int, shares: Mapping[str, float] = CAREFUL
) -> list[tuple[str, str]]:
    """Write answers to the train prompts, each a prompt and a completion.

    Every prompt comes up equally often, to within one. The shares of the manners are
    weights: they are divided by their sum.

    Raises: ValueError for shares below 0, or none above.
    """
    prompts = general_prompts("train")
    rng = generator(seed, stage, "demonstrations")
    rounds = -(-count // len(prompts))  # the last one may be cut short
    order = [int(i) for _ in range(rounds) for i in rng.permutation(len(prompts))][:count]
    return [(prompts[i].prompt, said(rng.random, prompts[i], shares)) for i in order]


def said(draw: Draw, prompt: GeneralPrompt, shares: Mapping[str, float]) -> str:
    """Draw a completion to a prompt, in a manner that is met at its share.

    Raises: ValueError for shares below 0, or none above.
    """
    if min(shares.values(), default=0) < 0 or not any(shares.values()):
        raise ValueError(f"shares {dict(shares)}: wanted none below 0, and one above")
    bounds = list(accumulate(shares.values()))
    manner = list(shares)[bisect(bounds[:-1], draw() * bounds[-1])]
    return f"{pick(draw, manners(prompt)[manner])} {EOS}"
