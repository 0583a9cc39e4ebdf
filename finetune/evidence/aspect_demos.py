"""Example questions that show the teacher how to ask for another detail."""

from __future__ import annotations

SYSTEM = (
    "You turn a student's question into one that asks for another detail of the same thing: who instead of when, the price instead of "
    "the size, the place instead of the reason. Keep the thing. Do not say the same in other words."
)
TURNED = (
    (
        "Statistics 101 › Homework and quizzes",
        "which room is quiz 2 in",
        "how many points does quiz 2 give",
    ),
    (
        "Cell biology › Copying DNA",
        "Which enzyme unwinds the DNA double helix?",
        "Who discovered the enzyme that unwinds the DNA double helix?",
    ),
    (
        "City archive › Visits",
        "How long does the guided tour of the archive take?",
        "What does a ticket for the guided tour of the archive cost?",
    ),
    (
        "Plots with matplotlib",
        "I want twenty bars, what draws a histogram?",
        "I want bars in red, what sets the colour of a histogram?",
    ),
    (
        "Networks › Routing",
        "what happens to a packet when its TTL is zero",
        "how many bits does the TTL of a packet have",
    ),
    (
        "A trial of two drugs › Results",
        "How many patients were free of pain after six weeks?",
        "Which hospital treated the patients that were free of pain?",
    ),
    (
        "Trees and forests",
        "why does a random forest overfit less than a single tree",
        "how much memory does a random forest need",
    ),
)
"""Topic, question, and the question for another detail."""
