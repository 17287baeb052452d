"""Which datasets of reasoning-gym may score what a model wrote? Those whose scorers were read.

An answer is hostile text, and a scorer is code that gets it. The scorers of reasoning-gym
0.1.25 were read one by one; a name that is not here is refused, whatever is installed.
"""

_EXECUTES = (
    "its scorer gives the answer to Python's eval or to sympy's parser, "
    "which run whatever a model writes"
)
_NO_GOLD = "it keeps no right answer, so that its scorer cannot be checked"

REFUSED = {
    "binary_matrix": _EXECUTES,
    "countdown": f"{_EXECUTES}; --task countdown is minir1's own",
    "intermediate_integration": _EXECUTES,
    "n_queens": _EXECUTES,
    "polynomial_multiplication": _EXECUTES,
    "puzzle24": _EXECUTES,
    "simple_integration": _EXECUTES,
    "spiral_matrix": _EXECUTES,
    "string_insertion": _EXECUTES,
    "boxnet": _NO_GOLD,
    "graph_color": _NO_GOLD,
    "propositional_logic": _NO_GOLD,
    "rubiks_cube": f"{_NO_GOLD}; R999999999 keeps it turning for minutes",
    "rush_hour": f"{_NO_GOLD}; F+999999999 keeps it moving for minutes",
    "coin_flip": "its scorer pays 1 for the answer 0, and 1e999999999 keeps it busy for ever",
    "game_of_life_halting": "its scorer pays 1 for any answer",
    "composite": "a mixture cannot be named on the command line: name one of its datasets",
}

_NAMES = """
    ab acre advanced_geometry aiw arc_1d arc_agi base_conversion basic_arithmetic bf
    binary_alternation bitwise_arithmetic caesar_cipher calendar_arithmetic chain_sum
    circuit_logic codeio color_cube_rotation complex_arithmetic count_bits count_primes
    course_schedule cryptarithm decimal_arithmetic decimal_chain_sum dice emoji_mystery
    family_relationships figlet_font fraction_simplification futoshiki game_of_life gcd
    group_anagrams gsm_symbolic isomorphic_strings jugs kakurasu knight_swap knights_knaves
    largest_island lcm leg_counting letter_counting letter_jumble list_functions
    mahjong_puzzle manipulate_matrix maze mini_sudoku modulo_grid needle_haystack
    number_filtering number_format number_sequence number_sorting palindrome_generation
    palindrome_partitioning path_star polynomial_equations pool_matrix power_function
    prime_factorization products quantum_lock ransom_note rearc rectangle_count
    rotate_matrix rotten_oranges self_reference sentence_reordering shortest_path
    simple_equations simple_geometry sokoban spell_backward string_manipulation
    string_splitting string_synthesis sudoku survo syllogism time_intervals tower_of_hanoi
    tsumego word_ladder word_sequence_reversal word_sorting zebra_puzzles
"""

READ = frozenset(_NAMES.split())
