"""Answers of reps: which grades they put in question, and that nothing is learned from them."""

import re
from pathlib import Path

from orchestration.feedback import grades_to_review

PROJECT = Path(__file__).resolve().parents[2]
ANSWERS = re.compile(r"dispositions?\b|weak_labels|feedback", re.IGNORECASE)


def rated(accepted: int, low: float, high: float) -> dict[str, float]:
    return {"acceptance_rate": accepted / 100, "acceptance_low": low, "acceptance_high": high}


def test_a_grade_that_reps_like_less_than_the_next_is_named_unless_by_chance():
    grades = {"B": rated(60, 0.5, 0.7), "A": rated(30, 0.2, 0.4), "D": rated(90, 0.8, 0.95), "C": rated(55, 0.3, 0.79)}
    lines = grades_to_review(grades)

    assert len(lines) == 2
    assert lines[0].startswith("Of grade A 30% are good leads, of grade B 60%")
    assert lines[1].startswith("Of grade C 55% are good leads, of grade D 90%")
    assert grades_to_review({"A": rated(30, 0.2, 0.5), "B": rated(60, 0.5, 0.7)}) == []
    assert grades_to_review({}) == []


def test_no_feature_no_label_and_no_score_is_made_of_an_answer():
    files = [
        *(PROJECT / "models" / "features").glob("*.sql"),
        *(PROJECT / "models" / "scores").glob("*.sql"),
        *(PROJECT / "ml").rglob("*.py"),
        *(PROJECT / "orchestration").glob("ml_*.py"),
    ]

    assert len(files) > 60
    assert [file.name for file in files if ANSWERS.search(file.read_text(encoding="utf-8"))] == []
    assert ANSWERS.search((PROJECT / "models" / "reporting" / "weak_labels.sql").read_text(encoding="utf-8"))
