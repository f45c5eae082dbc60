"""Statistics of feedback: numbers and arrays in, numbers out, with no word of the domain."""
