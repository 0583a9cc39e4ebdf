"""Invented course pages: the rules, dates, tables and lists of a course that exists nowhere, with questions on them.

Real syllabi carry no licence that would let weights trained on them be shipped, and students ask about deadlines and
grading as much as about definitions. Everything here was written for this project; names and numbers are drawn at random.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from finetune.grounded.types import Asked, Part, Source

_SUBJECTS = (
    "Linear Algebra;Organic Chemistry;Machine Learning;World History;Microeconomics;Signals and Systems;Cell Biology;Databases;"
    "Operating Systems;Statistics;Philosophy of Science;Academic Writing;Thermodynamics;Spanish II;Human Geography;Genetics;"
    "Computer Networks;Social Psychology;Art History;Financial Accounting;Numerical Methods;Robotics;Nursing Practice;Music Theory;"
    "Data Ethics;Marine Ecology;Deep Learning;Public Health;Quantum Mechanics;Soil Science;Software Engineering;Film Studies"
).split(";")
_SURNAMES = (
    "Okafor Lindqvist Marchetti Haddad Novak Tanaka Brennan Castillo Petrov Adeyemi Larsen Dubois Iyer Moreau Kowalski Reyes "
    "Nakamura Schmidt Abebe Fischer Santos Wren Holloway Mbeki Tran Ivanova Patel Quist Rosen Ueda"
).split()
_DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
_MONTHS = "January February March April May September October November December".split()
_BUILDINGS = "Hollis Hall;Room 214;the Science Annex;Garner Library;Building C;Room 3.07;Lakeside Lab;the Old Mill;Studio 5".split(
    ";"
)
_TOOLS = "the course portal;Moodle;email;the submission page;Gradescope;the shared folder;the forum".split(
    ";"
)
_PARTS = "Homework;Final exam;Midterm exam;Participation;Quizzes;Term paper;Lab reports;Group project;Oral presentation;Attendance".split(
    ";"
)
_BOOKS = "Foundations of {s};A First Course in {s};{s}: Theory and Practice;The {s} Handbook;Understanding {s}".split(
    ";"
)
_TOPICS = (
    "sampling and bias;error analysis;the reading of graphs;case studies;review of basics;measurement;ethics and law;models and their limits;"
    "writing a report;peer review;comparison of methods;history of the field;design of experiments;software tools;open problems"
).split(";")


@dataclass(slots=True)
class _Page:
    """Lines under a heading, and for some lines the ways to ask for them."""

    heading: str
    lines: list[str] = field(default_factory=list)
    asked: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list)

    def say(self, line: str, answer: str = "", *questions: str) -> None:
        self.lines.append(line)
        if questions:
            self.asked.append((line, questions, answer))


def invented_courses(count: int, seed: int, part: Part = Part.TRAIN) -> list[Source]:
    """`count` courses of five to nine pages, each its own source: what another course says answers nothing here."""
    rng = random.Random(seed)
    return [_course(f"invented-course-{seed}-{number}", part, rng) for number in range(count)]


def _course(name: str, part: Part, rng: random.Random) -> Source:
    """A course in one file or several; questions on pages that it does not have stay without an answer."""
    source = Source(name, part=part)
    subject = rng.choice(_SUBJECTS)
    title = rng.choice(
        (
            f"{subject} syllabus",
            subject,
            f"{subject.upper()} {rng.randrange(100, 600)}",
            f"Syllabus {subject}",
        )
    )
    chosen = rng.sample(_MAKERS, rng.randint(5, 9))
    pages = [make(subject, rng) for make in chosen]
    bullet = rng.choice(("- ", "* ", "", "• "))
    whole = rng.random() < 0.6
    while pages:
        together = [pages.pop() for _ in range(len(pages) if whole else min(len(pages), rng.randint(1, 3)))]
        _add_document(source, together, title, bullet, rng)
    for make in _MAKERS:
        if make not in chosen and make is not _facts:
            for _, questions, _ in make(subject, rng).asked:
                if rng.random() < 0.22:
                    source.asked.append(Asked(rng.choice(questions), (), (), "rule"))
    return source


def _add_document(source: Source, pages: list[_Page], title: str, bullet: str, rng: random.Random) -> None:
    """A Markdown file with the pages under their headings; a page's lines are a list, lines, a table or a paragraph."""
    document = f"{title.lower().replace(' ', '-')}-{len(source.documents) + 1}.md"
    text = f"# {title}\n\n" if rng.random() < 0.85 else ""
    for page in pages:
        order = list(page.lines)
        if not page.heading.startswith("|") and rng.random() < 0.5:
            rng.shuffle(order)
        table = page.heading.startswith("|") and order[0].startswith("|")
        glue, mark = (
            ("\n", "") if table else rng.choice((("\n", bullet or "- "), ("\n\n", bullet), (" ", "")))
        )
        text += f"## {page.heading.lstrip('|')}\n\n"
        places: dict[str, tuple[str, int, int]] = {}
        for line in order:
            ended = _ended(line, glue)
            start = len(text) + len(mark)
            places[line] = (document, start, start + len(ended))
            text += mark + ended + glue
        text = text.rstrip() + "\n\n"
        for line, questions, answer in page.asked:
            for asked in rng.sample(questions, min(2, len(questions))):
                source.asked.append(Asked(asked, (places[line],), (answer,) if answer else (), "rule"))
    source.documents[document] = text


def _ended(line: str, glue: str) -> str:
    """A line that runs on in a paragraph needs its full stop."""
    return line if glue != " " or line.endswith((".", "|")) else line + "."


def _people(subject: str, rng: random.Random) -> _Page:
    page = _Page(rng.choice(("Instructor", "Contact", "People", "Course information")))
    name = rng.choice(_SURNAMES)
    title = rng.choice(("Dr.", "Prof.", "Professor", "Ms.", "Mr."))
    form = rng.choice(
        (
            f"Instructor: {title} {name}",
            f"The course is taught by {title} {name}.",
            f"Your teacher this term is {title} {name}.",
        )
    )
    page.say(
        form,
        name,
        "Who teaches this course?",
        "Who is the instructor?",
        f"who is the professor for {subject}",
        "What is the name of the lecturer?",
    )
    day, hour = rng.choice(_DAYS[:5]), rng.randrange(8, 17)
    where = rng.choice(_BUILDINGS)
    form = rng.choice(
        (
            f"Office hours: {day} {hour}:00-{hour + 1}:30, {where}",
            f"Office hours are held every {day} from {hour}:00 to {hour + 2}:00 in {where}.",
        )
    )
    page.say(
        form,
        day,
        "When are office hours?",
        "When can I visit the instructor?",
        "Where are office hours held?",
        "Are there office hours?",
    )
    first = rng.choice(_DAYS[:3])
    second, start = rng.choice(_DAYS[3:5]), rng.randrange(8, 16)
    form = rng.choice(
        (
            f"Class meets {first} and {second}, {start}:15 to {start + 1}:45 in {rng.choice(_BUILDINGS)}.",
            f"Lectures: {first}/{second} {start}:15-{start + 1}:45",
        )
    )
    page.say(
        form,
        first,
        "When does the class meet?",
        "What days are the lectures?",
        "What time is class?",
        "On which days do we have class?",
    )
    units = rng.randrange(2, 7)
    page.say(
        rng.choice((f"The course is worth {units} credits.", f"Credits: {units}")), str(units),
        "How many credits is the course?", "how many credits do I get", "What is the course worth in credits?",
    )  # fmt: skip
    hours = rng.choice((12, 24, 36, 48, 72))
    page.say(
        rng.choice((f"Emails are answered within {hours} hours on working days.", f"Please allow {hours} hours for a reply to an email.")),
        f"{hours} hours", "How long does it take to get an answer to an email?", "How fast does the instructor reply to emails?",
    )  # fmt: skip
    return page


def _grading(subject: str, rng: random.Random) -> _Page:
    parts = rng.sample(_PARTS, rng.randint(3, 6))
    cuts = sorted(rng.sample(range(1, 20), len(parts) - 1))
    shares = [5 * (b - a) for a, b in zip((0, *cuts), (*cuts, 20), strict=True)]
    table = rng.random() < 0.45
    page = _Page(
        ("|" if table else "") + rng.choice(("Grading", "Assessment", "How you are graded", "Evaluation"))
    )
    if table:
        page.lines += ["| Component | Weight |", "|---|---|"]
    style = rng.choice(
        ("{p}: {s}%", "{p} {s}%", "{s}% {p}", "{p} counts for {s}% of the grade.", "{p} - {s} percent")
    )
    for part, share in zip(parts, shares, strict=True):
        line = f"| {part} | {share}% |" if table else style.format(p=part, s=share)
        low = part.lower()
        page.say(
            line, str(share), f"How much is the {low} worth?", f"What percentage of the grade is {low}?", f"how much does {low} count",
            f"What is the weight of the {low}?", f"How is {low} counted in the final grade?", f"{low} weight",
        )  # fmt: skip
    if not table:
        mark = rng.choice((90, 92, 93, 94))
        page.say(
            f"An A needs at least {mark}% overall.",
            str(mark),
            "What do I need for an A?",
            "What is the cut-off for an A?",
            "Which score gives an A?",
        )
        least = rng.choice((50, 55, 60, 65))
        page.say(
            f"You pass the course with {least} points or more.",
            str(least),
            "How many points do I need to pass?",
            "What is the passing grade?",
            "When do I fail?",
        )
    return page


def _late_work(subject: str, rng: random.Random) -> _Page:
    page = _Page(rng.choice(("Late work", "Late policy", "Deadlines", "Submitting work")))
    penalty, days = rng.choice((5, 10, 15, 20, 25)), rng.randrange(2, 8)
    form = rng.choice(
        (
            f"Late homework loses {penalty}% per day.",
            f"For each day an assignment is late, {penalty}% is taken off.",
            f"Work handed in late is marked down {penalty} points a day.",
        )
    )
    page.say(
        form,
        str(penalty),
        "What happens if I submit late?",
        "What is the late penalty?",
        "How many points are lost for late work?",
        "late policy?",
        "Is late work accepted?",
    )
    page.say(
        rng.choice((f"Nothing is accepted more than {days} days after the deadline.", f"After {days} days late work receives no credit.")), f"{days} days",
        "What is the last day on which late work is accepted?", "Until when is late work accepted?", "Can I hand in homework a week late?",
    )  # fmt: skip
    tool, day = rng.choice(_TOOLS), rng.choice(_DAYS)
    page.say(
        f"Assignments are handed in through {tool}.",
        tool,
        "How do I submit assignments?",
        "Where do I hand in my homework?",
        "How should work be submitted?",
    )
    hour = rng.choice(("23:59", "noon", "17:00", "9 am", "midnight"))
    page.say(
        f"Homework is due every {day} at {hour}.",
        day,
        "When is homework due?",
        "What is the weekly deadline?",
        "What day and time are assignments due?",
    )
    free = rng.randrange(1, 5)
    page.say(
        f"Every student has {free} free late day{'s' if free > 1 else ''} for the term.", str(free),
        "How many free late days do I have?", "Do I get any late days?", "late days allowed",
    )  # fmt: skip
    if rng.random() < 0.6:
        page.say(
            f"An extension must be asked for at least {days + 1} days before the deadline.", "",
            "How do I get an extension?", "Can I ask for more time on an assignment?", "When must an extension be requested?",
        )  # fmt: skip
    return page


def _exams(subject: str, rng: random.Random) -> _Page:
    page = _Page(rng.choice(("Exams", "Tests and exams", "Examinations")))
    date = f"{rng.choice(_MONTHS)} {rng.randrange(1, 29)}"
    page.say(
        rng.choice((f"The midterm takes place on {date}.", f"Midterm: {date}, in class")), date,
        "When is the midterm?", "What is the date of the midterm exam?", "midterm date", "On what day is the midterm held?",
    )  # fmt: skip
    date, minutes = f"{rng.choice(_MONTHS)} {rng.randrange(1, 29)}", rng.choice((60, 75, 90, 120, 150, 180))
    page.say(
        rng.choice((f"The final exam is on {date} and lasts {minutes} minutes.", f"Final: {date}, {minutes} minutes, {rng.choice(_BUILDINGS)}")), date,
        "When is the final exam?", "How long is the final?", "What is the date of the final?", "final exam when",
    )  # fmt: skip
    allowed = rng.choice(
        (
            "one handwritten sheet",
            "a calculator",
            "the textbook",
            "a page of notes",
            "a dictionary",
            "no materials",
        )
    )
    page.say(
        f"You may bring {allowed} to the exams.",
        allowed,
        "What can I bring to the exam?",
        "Are notes allowed in the exam?",
        "Is the exam open book?",
    )
    rule = rng.choice(
        (
            "A missed exam can be made up only with a doctor's note.",
            "There are no make-up exams.",
            "Make-up exams are offered in the week after the exam for documented emergencies.",
            "If you miss an exam, the final counts for it.",
        )
    )
    page.say(
        rule,
        "",
        "What happens if I miss an exam?",
        "Can I make up an exam?",
        "Is there a make-up for the midterm?",
        "make-up exam",
    )
    weeks = rng.randrange(1, 4)
    page.say(
        f"Exam results are published within {weeks} week{'s' if weeks > 1 else ''}.",
        "",
        "When do we get the exam results?",
        "How long until exams are graded?",
    )
    return page


def _attendance(subject: str, rng: random.Random) -> _Page:
    page = _Page(rng.choice(("Attendance", "Attendance and participation", "Class rules")))
    misses = rng.randrange(1, 6)
    form = rng.choice(
        (
            f"You may miss {misses} classes without an excuse.",
            f"More than {misses} unexcused absences lower the final grade by one letter.",
            f"Up to {misses} absences are allowed.",
        )
    )
    page.say(
        form,
        str(misses),
        "How many classes can I miss?",
        "How many absences are allowed?",
        "What happens if I am absent too often?",
        "Can I skip a class?",
    )
    rule = rng.choice(
        (
            "Attendance is mandatory.",
            "Attendance is not graded, but it is expected.",
            "Attendance is taken at the start of every class.",
            "Attending the labs is required; lectures are optional.",
        )
    )
    page.say(
        rule,
        "",
        "Is attendance required?",
        "Do I have to come to class?",
        "Is attendance mandatory?",
        "Is attendance graded?",
    )
    minutes = rng.choice((5, 10, 15, 20))
    page.say(
        f"Arriving more than {minutes} minutes late counts as an absence.",
        str(minutes),
        "What if I come late to class?",
        "How late can I be?",
        "Is being late counted as absent?",
    )
    phone = rng.choice(
        (
            "Phones must be silenced and put away during class.",
            "Laptops may be used for taking notes only.",
            "Devices are welcome as long as they serve the class.",
        )
    )
    page.say(
        phone,
        "",
        "Can I use my phone in class?",
        "What is the policy on devices?",
        "Are laptops allowed?",
        "May I use my computer during lectures?",
    )
    return page


def _materials(subject: str, rng: random.Random) -> _Page:
    page = _Page(rng.choice(("Materials", "Textbook", "Required materials", "Readings")))
    book, author = rng.choice(_BOOKS).format(s=subject), rng.choice(_SURNAMES)
    form = rng.choice(
        (
            f"Textbook: {author}, {book}",
            f"The required text is {book} by {author}.",
            f"We follow {book} ({author}).",
        )
    )
    page.say(
        form,
        book,
        "What is the textbook?",
        "Which book do I need?",
        "Who wrote the textbook?",
        "required textbook",
        "Is there a textbook for this class?",
    )
    price = rng.randrange(15, 140)
    page.say(
        f"The online access code costs ${price}.",
        str(price),
        "How much is the access code?",
        "What does online access cost?",
        "Do I need to pay for anything?",
    )
    tool = rng.choice(
        (
            "Python 3",
            "R and RStudio",
            "a scientific calculator",
            "a lab coat and goggles",
            "a laptop with a camera",
            "LaTeX",
        )
    )
    page.say(
        f"You will need {tool} from the second week on.",
        tool,
        "What equipment do I need?",
        "What software is required?",
        "What do I have to bring or install?",
    )
    before = rng.choice(_SUBJECTS)
    page.say(
        f"Prerequisite: {before} or permission of the instructor",
        before,
        "What are the prerequisites?",
        "Can I take this without any earlier course?",
        "What must I have taken before?",
    )
    return page


def _schedule(subject: str, rng: random.Random) -> _Page:
    page = _Page("|" + rng.choice(("Schedule", "Course calendar", "Weekly plan", "Outline")))
    style = rng.choice(("| {w} | {t} | {d} |", "Week {w}: {t}; {d}", "Week {w} - {t} ({d})", "{w}. {t}, {d}"))
    if style.startswith("|"):
        page.lines += ["| Week | Topic | Due |", "|---|---|---|"]
    due = [
        "nothing due",
        "quiz",
        "essay draft",
        "problem set",
        "lab report",
        "reading notes",
        "project proposal",
        "peer review",
        "reflection",
    ]
    start = rng.randrange(1, 8)
    for offset, topic in enumerate(rng.sample(_TOPICS, rng.randint(4, 8))):
        week, work = start + offset, rng.choice(due)
        page.say(
            style.format(w=week, t=topic, d=work), topic, f"What do we cover in week {week}?", f"What is the topic of week {week}?",
            f"When do we cover {topic}?", f"In which week is {topic} discussed?", f"What is due in week {week}?",
        )  # fmt: skip
    return page


def _integrity(subject: str, rng: random.Random) -> _Page:
    page = _Page(rng.choice(("Academic integrity", "Honesty", "Use of AI tools")))
    rule = rng.choice(
        (
            "You may discuss problems with others, but you must write your own solutions.",
            "All work must be your own; copying leads to a zero.",
            "Working in pairs is allowed on homework if both names are on it.",
        )
    )
    page.say(
        rule,
        "",
        "Can I work with other students?",
        "Is collaboration allowed?",
        "May I do homework with a friend?",
        "What counts as cheating?",
    )
    rule = rng.choice(
        (
            "AI tools may be used for grammar only and must be cited.",
            "Generative AI is not permitted on any graded work.",
            "You may use ChatGPT for ideas as long as you say how.",
        )
    )
    page.say(
        rule,
        "",
        "Can I use ChatGPT?",
        "Are AI tools allowed?",
        "What is the AI policy?",
        "Is generative AI permitted?",
    )
    rule = rng.choice(
        (
            "A first case of plagiarism means failing the assignment, a second failing the course.",
            "Plagiarism is reported to the dean.",
            "Students who plagiarise receive an F in the course.",
        )
    )
    page.say(
        rule,
        "",
        "What happens if I plagiarise?",
        "What is the penalty for plagiarism?",
        "What are the consequences of copying?",
    )
    return page


def _support(subject: str, rng: random.Random) -> _Page:
    page = _Page(rng.choice(("Support", "Accommodations", "Getting help", "Resources")))
    week = rng.randrange(1, 5)
    page.say(
        f"Students who need accommodations should contact the disability office in the first {week} weeks.", "disability office",
        "How do I get accommodations?", "Who do I contact about a disability?", "What should a student with a disability do?",
    )  # fmt: skip
    where, hour = rng.choice(_BUILDINGS), rng.randrange(9, 20)
    page.say(
        f"Free tutoring is offered in {where} every day until {hour}:00.",
        where,
        "Where can I get tutoring?",
        "Is there tutoring?",
        "Is there help outside of class?",
    )
    page.say(
        "The counselling centre is open to all students and is confidential.",
        "",
        "Is there mental health support?",
        "Where can I get counselling?",
        "Is counselling confidential?",
    )
    page.say(
        f"Questions about the material belong on {rng.choice(_TOOLS)}.",
        "",
        "Where should I ask questions?",
        "How do I ask about the material?",
        "Where do questions go?",
    )
    return page


def _project(subject: str, rng: random.Random) -> _Page:
    page = _Page(rng.choice(("Project", "Term project", "Final project", "Research paper")))
    low = rng.randrange(2, 4)
    page.say(
        f"Teams have {low} to {low + rng.randrange(1, 3)} members.",
        f"{low} to",
        "How large are the teams?",
        "How many people are in a project group?",
        "Can I do the project alone?",
    )
    pages = rng.randrange(3, 20)
    page.say(
        rng.choice((f"The report is at most {pages} pages long, without references.", f"Length: {pages} pages, double spaced")), str(pages),
        "How long should the report be?", "What is the page limit?", "How many pages is the paper?",
    )  # fmt: skip
    date = f"{rng.choice(_MONTHS)} {rng.randrange(1, 29)}"
    page.say(
        f"The proposal is due on {date}.",
        date,
        "When is the proposal due?",
        "What is the deadline for the project proposal?",
        "proposal deadline",
    )
    minutes = rng.choice((5, 8, 10, 12, 15, 20))
    page.say(
        f"Each team gives a talk of {minutes} minutes in the last week.",
        str(minutes),
        "How long is the presentation?",
        "How much time do we have to present?",
        "When are the talks?",
    )
    style = rng.choice(("APA", "MLA", "Chicago", "IEEE"))
    page.say(
        f"References follow the {style} style.",
        style,
        "Which citation style is used?",
        "How should I cite sources?",
        "What is the reference format?",
    )
    return page


def _facts(subject: str, rng: random.Random) -> _Page:
    page = _Page("|" + rng.choice(("Comparison", "Parameters", "Values", "Reference table")))
    names = rng.sample(
        "Alpha Beta Gamma Delta Model-A Model-B Model-C Baseline Tuned Small Medium Large Run1 Run2 Run3".split(),
        rng.randint(3, 5),
    )
    columns = rng.sample(
        "accuracy;loss;memory (MB);latency (ms);price;weight (kg);year;temperature;batch size;learning rate".split(
            ";"
        ),
        2,
    )
    page.lines += [f"| name | {columns[0]} | {columns[1]} |", "|---|---|---|"]
    for name in names:
        values = [f"{rng.uniform(0.1, 99):.{rng.randint(0, 2)}f}" for _ in columns]
        pick = rng.randrange(2)
        page.say(
            f"| {name} | {values[0]} | {values[1]} |", values[pick], f"What is the {columns[pick]} of {name}?", f"Which {columns[pick]} does {name} have?",
            f"{name} {columns[pick]}?",
        )  # fmt: skip
    return page


_MAKERS = (
    _people,
    _grading,
    _late_work,
    _exams,
    _attendance,
    _materials,
    _schedule,
    _integrity,
    _support,
    _project,
    _facts,
)
