"""The models' answers: jokes, or the Markdown that a keyword in the question selects."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.sectorflow.models import CLAUDE, COMMAND_R, GEMINI, GPT, LLAMA, Model

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
}


def joke(model: Model, question: str) -> str:
    """Answer with this model's joke."""
    return JOKES.get(model.id, f"{model.name} is still working on its punch line.")


def markdown(model: Model, question: str) -> str:
    """Answer with most elements of Markdown."""
    return (
        f"# {model.name} at a glance\n\nSome **bold**, some *italic*, some ~~struck~~ and some `code`.\n\n"
        "## What to do first\n\n1. Read the [guide](https://docs.example.com/start)\n2. Try it\n"
        "   - on a small team\n   - with a real question\n3. Tell us what you think\n\n"
        "> Simplicity is the ultimate sophistication.\n\n---\n\n"
        "### And then\n\n- [x] Installed\n- [ ] Asked\n\n" + _TABLE + "\n\n" + _CODE
    )


_TABLE = (
    "| Quarter | Revenue | Growth |\n| --- | ---: | :---: |\n"
    "| Q1 | €1.2 M | 4 % |\n| Q2 | €1.4 M | 17 % |\n| Q3 | €1.9 M | 36 % |"
)
_CODE = (
    "```python\ndef greet(name: str) -> str:\n"
    '    """Greet somebody, if they are there."""\n'
    "    return f\"Hello, {name}!\" if name else 'Hello?'\n```"
)


def table(model: Model, question: str) -> str:
    """Answer with a table."""
    return f"Here are the figures as {model.name} sees them:\n\n{_TABLE}\n\nQ3 is the **strongest** quarter."


def code(model: Model, question: str) -> str:
    """Answer with code."""
    return f'A short function does it:\n\n{_CODE}\n\nCall it with `greet("Ada")`.'


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


def plain(model: Model, question: str) -> str:
    """Answer any other question, with some structure."""
    about = question.strip().rstrip("?!.") or "that"
    openings = {
        COMMAND_R.id: f"Great question! Here is how I would go about **{about}**:",
        GEMINI.id: f"Let's look at *{about}* from three sides.",
        GPT.id: f"Sure! In short, **{about}** comes down to three things:",
        CLAUDE.id: f"I'd start with what matters most about **{about}**:",
        LLAMA.id: f"{about}? Three steps:",
    }
    return (
        f"{openings.get(model.id, about)}\n\n1. **Begin small.** Pick one case that hurts.\n"
        "2. **Measure.** Write down what `better` means.\n3. **Repeat** until nobody asks any more.\n\n"
        f"_{model.name}, for your consideration._"
    )


_SPECIAL: dict[str, Callable[[Model, str], str]] = {
    "joke": joke,
    "markdown": markdown,
    "mention": mention,
    "table": table,
    "code": code,
    "long": long,
}


def answer(model: Model, question: str, earlier: str | None) -> str:
    """Return a model's answer; a follow-up quotes the question before it."""
    words = question.lower()
    tell = next((each for keyword, each in _SPECIAL.items() if keyword in words), plain)
    said = tell(model, question)
    if earlier is None:
        return said
    return f"Following up on “{earlier}”:\n\n{'Another one, then. ' if tell is joke else ''}{said}"
