"""What is on the page of R1's stages and distillation? `summarise_r1.py` joins the parts."""
