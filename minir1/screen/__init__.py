"""How is it drawn? Panels, plots, tables and harmless text: what `minir1.ui` is made of."""
