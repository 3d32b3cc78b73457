"""What is known of the trainers that recipes are for, and what is shipped to run inside them."""
