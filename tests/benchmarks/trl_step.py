"""How long does the same step take in TRL's GRPOTrainer, on the CPU, in float32?

Everything that a bare step does not need is off: reports, logs, saving, evaluation, gradient
checkpointing, the reference model. A generation of prompts x group rows serves --minibatches
optimiser steps, as in minir1; for more than one, TRL scores the batch once more to have old
log-probabilities, which is its way and part of the step.
"""

import os
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import shared
import torch
import transformers
import trl
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from minir1.tokenizer import WordTokenizer


class Watch(TrainerCallback):
    """Grades the completions and takes the time of every step."""

    __name__ = "reward"

    def __init__(self, options: shared.Options):
        self.options, self.steps = options, []
        self.config = options.config(shared.ModelConfig())
        self.started = self.sampled = self.graded = 0.0

    def __call__(
        self, completion_ids: list[list[int]], step: list[int], **_: object
    ) -> list[float]:
        """Pay a batch of completions, as TRL's reward_funcs do."""
        self.sampled = time.perf_counter()
        questions = self.options.questions(step[0])
        self.answered = shared.samples(questions, completion_ids, self.options.group)
        self.paid = shared.grade(self.answered, self.config)
        self.graded = time.perf_counter()
        return self.paid.reshape(-1).tolist()

    def on_step_begin(self, args, state, control, **_) -> None:
        if state.global_step % self.options.minibatches == 0:
            self.started = time.perf_counter()

    def on_step_end(self, args, state, control, **_) -> None:
        if state.global_step % self.options.minibatches == 0:
            now = time.perf_counter()
            seconds = (now - self.started, self.sampled - self.started, now - self.graded)
            self.steps.append(shared.row(*seconds, self.answered, self.paid))


def settings(options: shared.Options) -> GRPOConfig:
    """The same algorithm: group advantages, clip 0.2, average over tokens, no KL, AdamW."""
    rows = options.prompts * options.group
    micro = min(options.micro_batch, rows // options.minibatches)
    return GRPOConfig(
        output_dir="unused",
        max_steps=(options.warm + options.steps) * options.minibatches,
        per_device_train_batch_size=micro,
        steps_per_generation=rows // micro,
        gradient_accumulation_steps=rows // options.minibatches // micro,
        num_generations=options.group,
        max_completion_length=options.cap,
        shuffle_dataset=False,
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        beta=0.0,
        epsilon=0.2,
        loss_type="dapo",
        scale_rewards="group",
        # Zero: the whole update is computed and the weights stay the same.
        learning_rate=0.0,
        lr_scheduler_type="constant",
        adam_beta1=0.9,
        adam_beta2=0.95,
        weight_decay=0.0,
        max_grad_norm=1.0,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        disable_tqdm=True,
        report_to="none",
        logging_strategy="no",
        save_strategy="no",
        eval_strategy="no",
        seed=0,
    )


def main() -> None:
    options = shared.Options.read(__doc__)
    torch.set_num_threads(options.threads)
    transformers.logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(options.checkpoint)
    tokenizer.padding_side = "left"
    asked = [
        {"prompt": question.prompt, "step": step}
        for step in range(options.warm + options.steps)
        for question in options.questions(step)
    ]
    words = WordTokenizer()
    for one in asked:
        if tokenizer(one["prompt"])["input_ids"] != words.encode(one["prompt"]):
            raise SystemExit("trl_step: the tokenizer reads the prompts differently")
    watch = Watch(options)
    trainer = GRPOTrainer(
        model=transformers.AutoModelForCausalLM.from_pretrained(
            options.checkpoint, dtype=torch.float32
        ),
        reward_funcs=watch,
        args=settings(options),
        train_dataset=Dataset.from_list(asked),
        processing_class=tokenizer,
        callbacks=[watch],
    )
    trainer.train()
    versions = {"trl": trl.__version__, "transformers": transformers.__version__}
    shared.report(options, watch.steps, torch=torch.__version__, **versions)


if __name__ == "__main__":
    main()
