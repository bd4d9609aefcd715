"""The nodes of a Slack message, the same for blocks, mrkdwn and Markdown.

They are rendered as HTML and as terminal text. Every string here is literal text, without markup.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Style = Literal["bold", "italic", "strike", "code"]
Styles = frozenset[Style]
PLAIN: Styles = frozenset()


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one style, perhaps a link; a line feed in it is a line break."""

    text: str
    styles: Styles = PLAIN
    url: str = ""


@dataclass(frozen=True, slots=True)
class Mention:
    """A live token: a mention of a user, group or channel, or a broadcast."""

    kind: Literal["user", "group", "broadcast", "channel"]
    id: str
    label: str = ""


Inline = Run | Mention
Inlines = tuple[Inline, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    content: Inlines


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; Slack renders every level of Markdown's headings in one size."""

    content: Inlines


@dataclass(frozen=True, slots=True)
class Quote:
    """Quoted blocks behind a bar."""

    children: Nodes


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list; ``checked`` is None outside task lists."""

    children: Nodes
    checked: bool | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A bulleted (``start`` is None) or numbered list."""

    items: tuple[Item, ...]
    start: int | None = None
    #: Its indentation, if no other list is above it.
    indent: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """Preformatted text with the language that it names, if any."""

    text: str
    language: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; the first row is the head."""

    rows: tuple[tuple[Nodes, ...], ...]
    aligns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RichText:
    """Parts of a rich text block, with no space between them: only a line feed in a text separates them."""

    children: Nodes


@dataclass(frozen=True, slots=True)
class Rule:
    """A horizontal rule."""


@dataclass(frozen=True, slots=True)
class Context:
    """Small grey remarks in a row."""

    parts: tuple[Inlines, ...]


@dataclass(frozen=True, slots=True)
class Fields:
    """Short texts in two columns."""

    cells: tuple[Nodes, ...]


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, shown by its description: nothing is loaded from another host."""

    alt: str
    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button or feedback thumb, with the data of its block action."""

    label: str
    action_id: str
    value: str = ""
    block_id: str = ""
    style: str = ""
    url: str = ""
    #: The text of the confirmation dialog, if any.
    confirm: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One option of a menu."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Menu:
    """An overflow menu behind three dots, or a select."""

    choices: tuple[Choice, ...]
    action_id: str
    block_id: str = ""
    is_select: bool = False
    #: A select's placeholder, and the chosen value.
    label: str = ""
    chosen: str = ""
    confirm: str = ""


Control = Button | Menu


@dataclass(frozen=True, slots=True)
class Actions:
    """Controls in a row; ``quiet`` ones are the small grey row under an answer."""

    controls: tuple[Control, ...]
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Beside:
    """Blocks with an accessory to the right of them."""

    children: Nodes
    accessory: Node


@dataclass(frozen=True, slots=True)
class Container:
    """A frame with a title around blocks, which a reader may fold if it is ``collapsible``."""

    title: Inlines
    subtitle: Inlines
    children: Nodes
    collapsible: bool = False
    collapsed: bool = False
    #: ``narrow``, ``standard``, ``wide`` or ``full``.
    width: str = ""
    #: Whether a line separates the title from the blocks.
    divided: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """A block or element that this page can't render; its type is shown."""

    type: str


Node = (
    Paragraph
    | Heading
    | Quote
    | Listing
    | Code
    | Table
    | RichText
    | Rule
    | Context
    | Fields
    | Picture
    | Actions
    | Beside
    | Container
    | Unknown
)
Nodes = tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of people and channels, by id."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)

    def of(self, mention: Mention) -> str:
        """Return a mention as Slack shows it: ``@name``, ``#channel``, ``@here``."""
        if mention.kind == "channel":
            return "#" + self.channels.get(mention.id, mention.label or mention.id)
        if mention.kind == "user":
            return "@" + self.users.get(mention.id, mention.label or mention.id)
        return "@" + (mention.label or mention.id).lstrip("@")
