"""Who answers: judges, and what stands around them. Every backend has one method."""
