"""Which mistakes of other GRPO implementations are we safe from, and which test says so?

Every mistake below was found in published code. Each is listed with the tests that fail when
it is made in minir1; that was tried, by making it. The tests live beside the module that they
are about: here is the index, and the proof that the index is right.
"""

import ast
from pathlib import Path

import pytest

INDEX: dict[str, list[str]] = {
    "1 the KL is added with the wrong sign: divergence is rewarded": [
        "test_grpo_exact.py::test_with_no_advantage_one_step_lowers_the_kl",
        "test_grpo.py::test_every_variant_equals_the_reference_and_its_slope",
    ],
    "2 k1 as a loss: its expected gradient is zero, so it is noise": [
        "test_grpo_exact.py::test_the_expected_gradients_of_the_kl_estimators",
        "test_grpo.py::test_what_no_knob_offers_is_refused",
    ],
    "3 the clip is on the wrong side for negative advantages": [
        "test_grpo.py::test_the_clip_stops_two_cells_of_four",
        "test_grpo.py::test_each_edge_has_its_own_width",
    ],
    "4 the ratio inside the KL is inverted: another quantity is estimated": [
        "test_grpo_exact.py::test_the_values_of_the_kl_estimators_average_to_the_kl",
        "test_grpo_exact.py::test_the_kl_is_least_and_flat_at_the_reference",
    ],
    "5a the prompt is not in what is scored": [
        "test_model.py::test_the_prompt_is_part_of_what_is_scored",
        "test_rollout.py::test_the_sampler_and_the_scorer_agree",
        "test_mlx_models.py::test_the_prompt_is_part_of_what_is_scored",
        "test_mlx_models.py::test_every_architecture_scores_what_it_samples",
    ],
    "5b the ratio is taken against the reference, not the sampler": [
        "test_rollout.py::test_the_first_inner_step_has_ratio_one_and_clips_nothing",
        "test_rl.py::test_before_the_first_update_ratio_is_one_and_nothing_is_clipped",
        "test_grpo.py::test_every_variant_equals_the_reference_and_its_slope",
        "test_mlx_improve.py::test_before_the_first_update_ratio_is_one_and_nothing_is_clipped",
        "test_objective_golden.py::test_loss_and_gradient_are_those_of_trl",
    ],
    "5c the KL has a slope at the reference": [
        "test_grpo_exact.py::test_the_kl_is_least_and_flat_at_the_reference",
        "test_mlx_models.py::test_the_kl_has_no_slope_at_the_reference",
    ],
    "5d completions are encoded again from their text, the end token is lost": [
        "test_rollout.py::test_a_rollout_teaches_the_end_token_and_nothing_after_it",
        "test_rollout.py::test_the_sampler_and_the_scorer_agree",
        "test_mlx_models.py::test_the_end_token_is_sampled_kept_and_trained",
    ],
    "5e the log-softmax loses digits": [
        "test_fused.py::test_token_logprobs_keep_their_digits",
        "test_mlx_improve.py::test_16_bit_weights_are_scored_in_32",
    ],
    "5f a default gives no policy gradient at all": [
        "test_grpo.py::test_at_the_sampler_the_gradient_is_that_of_reinforce",
        "test_rollout.py::test_a_step_on_the_rollout_makes_the_good_likelier_and_the_bad_less_likely",
        "test_rl.py::test_a_reward_that_is_always_right_is_learnt",
        "test_mlx_improve.py::test_a_step_makes_the_good_likelier_and_the_bad_less_likely",
        "test_mlx_models.py::test_every_adapter_has_a_gradient_and_the_base_has_none",
    ],
    "5g two loss types under different names are the same": [
        "test_grpo.py::test_every_knob_changes_the_loss_and_the_gradient",
        "test_grpo.py::test_the_weight_of_a_token_under_each_average",
        "test_objective_golden.py::test_loss_and_gradient_are_those_of_trl",
        "test_objective_golden.py::test_no_two_variants_are_the_same",
        "test_objectives.py::test_no_two_methods_are_the_same",
    ],
    "5h rewards are computed twice": [
        "test_rl.py::test_each_completion_is_graded_once_and_in_its_group",
    ],
    "6a ratios of whole sequences or of a quantised sampler: clipped from the start": [
        "test_rollout.py::test_the_first_inner_step_has_ratio_one_and_clips_nothing",
        "test_rl.py::test_before_the_first_update_ratio_is_one_and_nothing_is_clipped",
        "test_mlx_improve.py::test_before_the_first_update_ratio_is_one_and_nothing_is_clipped",
        "test_mlx_models.py::test_a_quantised_model_with_adapters_has_ratio_one_before_its_first_update",
    ],
    "6b a perfect transcript can't earn the format reward": [
        "test_rewards.py::test_a_perfect_transcript_earns_every_part_in_full",
    ],
    "6c evaluation on training problems": [
        "test_world_problems.py::test_the_split_is_a_partition_that_never_changes",
    ],
    "7 options are accepted and ignored": [
        "test_grpo.py::test_every_knob_changes_the_loss_and_the_gradient",
        "test_grpo.py::test_what_no_knob_offers_is_refused",
        "test_rl.py::test_every_setting_changes_the_step",
        "test_rl.py::test_every_setting_has_a_test_here",
        "test_rl.py::test_settings_of_the_rollout_are_heeded",
        "test_optim.py::test_every_setting_matters",
        "test_backend.py::test_another_engine_is_refused_by_name",
        "test_mlx_improve.py::test_every_setting_changes_the_step_compiled_or_not",
        "test_mlx_improve.py::test_every_setting_has_a_test_here",
        "test_mlx_models.py::test_every_option_of_lora_changes_the_gradient",
        "test_methods.py::test_a_clip_that_no_function_reads_is_refused",
        "test_training.py::test_a_stage_trains_by_the_method_that_was_chosen",
    ],
    "8 the grader runs what the model wrote": [
        "test_rewards.py::test_no_trick_earns_accuracy_and_each_is_refused_within_a_millisecond",
        "test_countdown.py::test_hostile_texts_are_refused_within_a_millisecond",
        "test_style.py::test_nothing_runs_or_unpickles_text",
    ],
    "9 the normaliser is that of a micro-batch, or keeps the length bias": [
        "test_microbatch.py::test_the_cut_changes_nothing",
        "test_microbatch.py::test_padding_columns_change_nothing",
        "test_microbatch.py::test_the_order_of_rows_changes_nothing",
        "test_grpo.py::test_the_weight_of_a_token_under_each_average",
        "test_rl.py::test_the_micro_batch_changes_rounding_only",
    ],
    "10 an answer that was cut off is graded as right": [
        "test_rewards.py::test_a_truncated_completion_earns_nothing_whatever_it_says",
        "test_rollout.py::test_the_end_token_as_the_last_allowed_one_still_finishes",
    ],
    "11a scoring writes into the labels, and the normaliser changes with it": [
        "test_microbatch.py::test_inputs_are_not_changed",
        "test_rl.py::test_a_step_leaves_the_rollout_as_it_was",
        "test_sft.py::test_the_loss_is_the_mean_surprise_of_the_trained_tokens",
    ],
    "11b a resumed run repeats a batch": [
        "test_rl.py::test_training_goes_on_from_a_saved_learner_as_if_never_stopped",
    ],
    "12 padding on the left is read as text": [
        "test_model.py::test_padding_on_the_left_equals_none",
        "test_model.py::test_padding_on_the_right_changes_nothing",
        "test_rollout.py::test_a_prompts_samples_do_not_depend_on_the_others",
    ],
    "what is scored is not what was sampled from (temperature, top-k, top-p)": [
        "test_rollout.py::test_the_sampler_and_the_scorer_agree",
        "test_rollout.py::test_frequencies_are_the_models_probabilities",
        "test_rl.py::test_a_sampler_that_is_not_the_policy_stops_the_run",
    ],
    "off by one: a token is scored with the logits of another place": [
        "test_model.py::test_token_logprobs_equal_the_reference",
        "test_rollout.py::test_the_sampler_and_the_scorer_agree",
    ],
    "groups are mixed up, or the baseline is that of the batch": [
        "test_grpo.py::test_a_group_is_graded_on_its_own_curve",
        "test_grpo.py::test_advantages_sum_to_zero_ignore_a_shift_and_move_with_their_rows",
        "test_rl.py::test_each_completion_is_graded_once_and_in_its_group",
    ],
    "std over G or G - 1, unsaid": ["test_grpo.py::test_std_divides_by_the_size_of_the_group"],
    "a tiny eps turns float noise into advantages": [
        "test_grpo.py::test_float_noise_is_no_signal",
    ],
    "flat groups count, or are trained on the KL alone": [
        "test_grpo.py::test_a_flat_group_teaches_nothing",
        "test_rl.py::test_flat_groups_are_left_out_and_counted",
        "test_rl.py::test_with_flat_groups_alone_nothing_moves",
    ],
    "an empty completion is 0 / 0": [
        "test_grpo.py::test_an_empty_completion_divides_nothing_by_nothing",
    ],
    "the KL of a token is weighted by the ratio of its sequence": [
        "test_grpo_exact.py::test_the_ratio_weights_each_token_by_its_own",
    ],
    "a reward that could not be computed counts as 0": [
        "test_rl.py::test_a_gradient_that_is_no_number_stops_the_run_before_it_is_applied",
    ],
    "metrics of the last micro-batch, or over padding": [
        "test_rl.py::test_metrics_are_means_over_the_trained_tokens_alone",
        "test_rl.py::test_the_kl_that_is_reported",
        "test_microbatch.py::test_the_cut_changes_nothing",
    ],
    "a draft in the thinking is graded": [
        "test_rewards.py::test_an_answer_in_the_thinking_is_a_draft_and_not_graded",
    ],
    "k3 cancels in float32": [
        "test_grpo_exact.py::test_k3_keeps_its_digits_near_the_reference"
    ],
    "the forward pass is outside of what is differentiated": [
        "test_microbatch.py::test_the_batch_has_a_gradient_everywhere",
        "test_model.py::test_gradients_through_the_whole_model",
    ],
    "an error becomes a 0, or another way of training": [
        "test_microbatch.py::test_an_error_in_a_thread_is_not_swallowed",
        "test_backend.py::test_an_error_comes_through",
    ],
}


@pytest.mark.parametrize("mistake", INDEX)
def test_the_tests_that_guard_against_it_exist(mistake: str) -> None:
    for name in INDEX[mistake]:
        file, function = name.split("::")
        tree = ast.parse((Path(__file__).parent / file).read_text())
        assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}, name
