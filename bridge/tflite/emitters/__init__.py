"""The emitters, by family; importing them fills the table."""

from bridge.registry import import_rules

import_rules(__name__, __path__)
