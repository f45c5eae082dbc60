"""What people said of cases, how far a judge agrees with them, and whom to ask next."""
