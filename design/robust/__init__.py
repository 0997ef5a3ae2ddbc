"""Plans that hold for every demand and delivery within a budget of uncertainty (Bertsimas & Sim 2004)."""
