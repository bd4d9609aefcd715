"""Answers as models write them."""

from sectorflow_slack.domain.questions import ModelAnswer

JOKES = (
    ModelAnswer(
        "d4c52732",
        "Cohere Command R+",
        "command-r-plus",
        "Why did the Large Language Model cross the road?\n\nTo revolutionize transportation and bring about "
        "a new era of mobility, of course! \n\nOkay, that might be a bit of an exaggeration.",
    ),
    ModelAnswer(
        "c4b14a75",
        "Google Gemini Pro 2M",
        "gemini-1.5-pro",
        "Two antennas got married - the wedding was terrible, but the reception was amazing! \n",
    ),
    ModelAnswer(
        "01442edd",
        "OpenAi GPT-4o",
        "gpt-4o",
        "Sure, here you go:\n\nWhy don't scientists trust atoms?\n\nBecause they make up\neverything!",
    ),
    ModelAnswer("9e9ccfcf", "Claude", "claude-3-opus", failed=True),
    ModelAnswer("3c54812b", "Llama", "", "I would tell you a UDP joke, but you might not get it. 🙂"),
)

TUTORIAL = """\
# Reading a file line by line

Use a **context manager**; it closes the file for you:

```python
from pathlib import Path

def lines(path: Path) -> list[str]:
    with path.open() as file:
        return [line for line in file if len(line) < 80]
```

1. `open()` gives an iterator, so `a < b` style checks cost nothing.
2. Nested:
   - for HTML use `<div>` and
     ```html
     <!DOCTYPE html>
     <p>Hello</p>
     ```
   - see <https://docs.python.org/3/>.

| Way | Memory |
| --- | ---: |
| `readlines()` | all |
| iterating | one line |

> **Note**: mind the encoding.

---

- [x] read
- [ ] write
"""

ARABIC_AND_JAPANESE = "## مرحبا\n\nهذا **نص** عربي.\n\n## 日本語\n\n1. 猫が好きです。\n2. 犬も好きです。🐕\n"  # noqa: RUF001
