"""Knowledge of the trainers that recipes are for, and the code that is shipped to run inside them."""
