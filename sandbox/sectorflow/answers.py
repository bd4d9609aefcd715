"""The models' answers, by the question's topic; the models differ, so that comparing them is worth it."""

from __future__ import annotations

import re
from collections.abc import Callable

from sandbox.sectorflow.models import CLAUDE, COMMAND_R, GEMINI, GPT, LLAMA, MISTRAL, Model

#: A question on each topic, to try.
QUESTIONS = {
    "joke": "Tell me a joke",
    "table": "Compare our last three quarters in a table",
    "code": "Write a Python function that greets people",
    "long": "Tell me a long story",
    "formula": "What is the formula for compound interest?",
    "refund": "What is our refund policy?",
    "plan": "How do we welcome new colleagues?",
}

JOKES = {
    COMMAND_R.id: (
        "Why did the Large Language Model cross the road?\n\nTo revolutionize transportation and "
        "bring about a new era of mobility, of course! \n\nOkay, that might be a bit of an exaggeration, but "
        "we at SectorFlow are all about pushing boundaries and delivering exceptional experiences. So, "
        "whether it's revolutionizing road safety or simply enjoying a good laugh, we've got you covered!"
    ),
    GEMINI.id: "Two antennas got married - the wedding was terrible, but the reception was amazing! \n",
    GPT.id: "Sure, here you go:\n\nWhy don't scientists trust atoms?\n\nBecause they make up everything!",
    CLAUDE.id: (
        "I told my plants a joke about photosynthesis.\n\n"
        "They *leafed* the room, but they came back **for the light relief**."
    ),
    LLAMA.id: "There are 10 kinds of llamas: those who read binary, and those who chew the manual.",
    MISTRAL.id: "A French wind walks into a bar. Everybody's hat walks out.",
}

_QUARTERS = (
    "| Quarter | Revenue | Growth |\n| --- | ---: | :---: |\n"
    "| Q1 | €1.2 M | 4 % |\n| Q2 | €1.4 M | 17 % |\n| Q3 | €1.9 M | 36 % |"
)
TABLES = {
    COMMAND_R.id: (
        f"Here are the figures:\n\n{_QUARTERS}\n\n"
        "Q3 is the **strongest** quarter. Congratulations to everybody who worked for it!"
    ),
    GEMINI.id: (
        "| | Q1 | Q2 | Q3 |\n| --- | ---: | ---: | ---: |\n| Revenue (million €) | 1.2 | 1.4 | 1.9 |\n"
        "| Change | | +16.7 % | +35.7 % |\n| Share of the three | 27 % | 31 % | 42 % |\n\n"
        "Q3 alone makes **42 %** of the three quarters."
    ),
    GPT.id: (
        f"{_QUARTERS}\n\n**Key takeaways**\n\n- Revenue rises in every quarter.\n"
        "- Growth accelerates: 4 %, 17 %, 36 %.\n- At this pace Q4 reaches about **€2.6 M**."
    ),
    CLAUDE.id: (
        "| Quarter | Revenue | Against last quarter | What I would check |\n| --- | ---: | ---: | --- |\n"
        "| Q1 | €1.2 M | +4 % | |\n| Q2 | €1.4 M | +17 % | One large order? |\n"
        "| Q3 | €1.9 M | +36 % | Does it repeat in Q4? |\n\n"
        "Three points are few for a trend. I would *not* extrapolate to Q4 yet."
    ),
    LLAMA.id: "| Q | € M |\n| --- | ---: |\n| Q1 | 1.2 |\n| Q2 | 1.4 |\n| Q3 | 1.9 |\n\nUp 58 % since Q1.",
}

_GREET = (
    "```python\ndef greet(name: str) -> str:\n"
    '    """Greet somebody, if they are there."""\n'
    "    return f\"Hello, {name}!\" if name else 'Hello?'\n```"
)
CODE = {
    COMMAND_R.id: f'A short function does it:\n\n{_GREET}\n\nCall it with `greet("Ada")`.',
    GEMINI.id: (
        'With the language as a parameter:\n\n```python\nGREETINGS = {"en": "Hello", "fr": "Bonjour"}\n\n\n'
        'def greet(name: str, language: str = "en") -> str:\n'
        "    return f\"{GREETINGS.get(language, 'Hello')}, {name}!\"\n```"
    ),
    GPT.id: (
        f"Here's a simple version:\n\n{_GREET}\n\nAnd a test for it:\n\n"
        '```python\ndef test_greet():\n    assert greet("Ada") == "Hello, Ada!"\n```'
    ),
    CLAUDE.id: (
        "```python\ndef greet(*names: str) -> str:\n"
        '    """Return one greeting for all names; for nobody, greet the room."""\n'
        "    return f\"Hello, {' and '.join(names) or 'everyone'}!\"\n```\n\n"
        '`greet("Ada", "Bob")` returns `Hello, Ada and Bob!`. It takes **several** names because '
        '"people" is plural; tell me if you meant one.'
    ),
    LLAMA.id: '```python\ngreet = "Hello, {}!".format\n```',
}

FORMULAS = {
    COMMAND_R.id: (
        "The future value with compound interest is:\n\n$$A = P\\left(1 + \\frac{r}{n}\\right)^{nt}$$\n\n"
        "Here $P$ is the principal, $r$ the yearly rate, $n$ the periods per year and $t$ the years."
    ),
    GEMINI.id: (
        "$$A = P(1 + r)^t$$\n\nif interest is added once a year. In the limit of continuous compounding it "
        "becomes $A = Pe^{rt}$."
    ),
    GPT.id: (
        "**Compound interest:** \\(A = P(1 + r/n)^{nt}\\)\n\n**Example:** €1,000 at 5 % for 10 years:\n\n"
        "- yearly: €1,628.89\n- monthly: €1,647.01"
    ),
    CLAUDE.id: (
        "$A = P(1 + r)^t$, with the rate as a fraction (5 % is 0.05).\n\n"
        "A rule of thumb: money doubles after about $72 / r$ years, with $r$ in percent: at 5 % after "
        "72 / 5 ≈ **14 years**."
    ),
    LLAMA.id: "A = P * (1 + r)^t",
}

REFUNDS = {
    COMMAND_R.id: (
        "Thank you for asking! According to the **Acme Handbook**, customers can return a product within "
        "**30 days** and get all their money back."
    ),
    GEMINI.id: "Refunds: **30 days**, unused products, with the receipt (handbook, page 12).",
    GPT.id: (
        "1. Within **14 days**: the full price, no questions asked.\n"
        "2. Within **30 days**: a voucher.\n3. Later: only for faults."
    ),
    CLAUDE.id: (
        "The handbook says **30 days** on page 12, but the terms for online orders on page 31 say "
        "**14 days**. I would ask the legal team which one is meant before you quote either."
    ),
    LLAMA.id: "30 days, with the receipt.",
}

_PLANS = {
    COMMAND_R.id: (
        "Great question! Here is how I would go about **{about}**:\n\n1. **Begin small.** Pick one case that "
        "hurts.\n2. **Measure.** Write down what `better` means.\n3. **Repeat** until nobody asks any more."
    ),
    GEMINI.id: (
        "Let's look at *{about}* from three sides.\n\n- **People:** who has to change a habit?\n"
        "- **Process:** which step takes longest today?\n- **Tools:** what do you own already?"
    ),
    GPT.id: (
        "Sure! In short, **{about}** comes down to three things:\n\n1. A goal that fits into one sentence\n"
        "2. One person who owns it\n3. A date on which you look at the result"
    ),
    CLAUDE.id: (
        "I'd start with what matters most about **{about}**: what would you do differently once you know the "
        "answer?\n\nIf nothing, it can wait. If something, try the cheapest version this week, and decide "
        "*beforehand* which result would stop you."
    ),
    LLAMA.id: "{about}? Three steps: try it on one case, count, repeat.",
}


def markdown(model: Model, question: str) -> str:
    """Answer with most elements of Markdown."""
    return (
        f"# {model.name} at a glance\n\nSome **bold**, some *italic*, some ~~struck~~ and some `code`.\n\n"
        "## What to do first\n\n1. Read the [guide](https://docs.example.com/start)\n2. Try it\n"
        "   - on a small team\n   - with a real question\n3. Tell us what you think\n\n"
        "> Simplicity is the ultimate sophistication.\n\n---\n\n"
        "### And then\n\n- [x] Installed\n- [ ] Asked\n\n" + _QUARTERS + "\n\n" + _GREET
    )


def long(model: Model, question: str) -> str:
    """Answer with more than fits into one Slack message."""
    chapters = (
        f"## {number}. Chapter {number}\n\n"
        + f"Paragraph {number} by {model.name}. It goes on for a while, as **good stories** do. " * 8
        for number in range(1, 25)
    )
    return "# The long story\n\n" + "\n\n".join(chapters) + "\n\nThe end."


def mention(model: Model, question: str) -> str:
    """Answer with mentions that would notify users if they reached Slack."""
    return (
        "Hey <!channel> and <!here>, ask <@U0MAYA00001> or <!subteam^S0TEAM00001|the team>, @everyone!\n\n"
        "`<!channel>` in code, and:\n\n```\n<!everyone>\n```"
    )


def compare(model: Model, question: str) -> str:
    """Compare the answers in a question, which are labelled with letters in brackets."""
    labels = sorted(set(re.findall(r"\b(?:answer|model|response) ([A-T])\b", question, re.IGNORECASE)))
    first, *others = [f"[{each.upper()}]" for each in labels] or ["[A]", "[B]"]
    last = others[-1] if others else first
    everyone = ", ".join([first, *others])
    return (
        f"## Where they agree\n\n{everyone} name the same main point, and none contradicts it.\n\n"
        f"## Where they differ\n\n- {first} is sure of its figures.\n"
        f"- {last} doubts them and says why.\n\n"
        f"## What only one says\n\n- Only {last} names its source.\n\n"
        f"## What to check\n\n- The figures of {first}, before they are quoted."
    )


def plain(model: Model, question: str) -> str:
    """Answer any other question."""
    about = " ".join(question.split()).rstrip("?!.")[:200] or "that"
    return _PLANS.get(model.id, "About {about}: I would ask the others first.").format(about=about)


def _from(answers: dict[str, str]) -> Callable[[Model, str], str]:
    """Return the function that answers from a table, with the first answer for other models."""
    return lambda model, question: answers.get(model.id, next(iter(answers.values())))


#: The first topic whose pattern is in the question answers it.
_TOPICS: tuple[tuple[str, Callable[[Model, str], str]], ...] = (
    (r"(?=.*\bagree)(?=.*\bdiffer)", compare),
    ("joke", _from(JOKES)),
    ("markdown", markdown),
    ("mention", mention),
    (r"\btable\b", _from(TABLES)),
    (r"\bcode\b|python function", _from(CODE)),
    (r"\blong\b", long),
    ("formula", _from(FORMULAS)),
    ("refund", _from(REFUNDS)),
)


def answer(model: Model, question: str, earlier: str | None) -> str:
    """Return a model's answer; a follow-up quotes the question before it."""
    found = (tell for pattern, tell in _TOPICS if re.search(pattern, question, re.IGNORECASE | re.DOTALL))
    tell = next(found, plain)
    text = tell(model, question)
    if earlier is None:
        return text
    return (
        f"Following up on “{earlier}”:\n\n{'Another one, then. ' if 'joke' in question.lower() else ''}{text}"
    )
