"""The pages of a teacher: golden questions from answers, Evaluate, Monitor, Model."""
