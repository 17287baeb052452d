"""How do bytes get to the disk and back, whole? The floor under checkpoints and run folders."""
