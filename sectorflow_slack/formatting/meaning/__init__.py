"""What running text means beyond its letters: formulas, HTML's tags, links."""
