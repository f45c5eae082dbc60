"""What is to be known of a judge: its leans, its steadiness, what sways it, and its card."""
