"""``medtl scan``: from any tree of files to a judged catalogue, without a name leaving the intake."""
from medtl.io.read import Choice
from medtl.sources.scan.intake import Intake
from medtl.sources.scan.tree import scan_tree

__all__ = ["Choice", "Intake", "scan_tree"]
