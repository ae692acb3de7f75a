"""The accuracy of two models on a Dask cluster: each task classifies a share of the images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bridge.check.accuracy import Accuracy, accuracy
from bridge.check.images import Labelled
from bridge.check.loading import ModelFiles, opened
from bridge.cluster import LostError, on_cluster
from bridge.public.progress import Part, Progress, silent

# Images of a task: a worker opens both models for each, and one that dies loses as many.
SHARE = 512


@dataclass(frozen=True)
class Models:
    """The two models, by paths that mean the same on any machine of the cluster."""

    expected: ModelFiles
    received: ModelFiles
    runtime: str
    graph: ModelFiles | None

    @classmethod
    def of(
        cls, expected: ModelFiles, received: ModelFiles, runtime: str, graph: ModelFiles | None
    ) -> Models:
        third = None if graph is None else _anywhere(graph)
        return cls(_anywhere(expected), _anywhere(received), runtime, third)


@dataclass(frozen=True)
class Share:
    """The images that one task classifies."""

    models: Models
    images: Labelled


def accuracy_on_cluster(
    address: str, models: Models, images: Labelled, progress: Progress
) -> Accuracy:
    """Runs both models over all images, which are labelled from 0.

    Raises UsageError if distributed is missing, no scheduler answers or a share ends several
    workers, and what a worker raises: of these the first.
    """
    shares = [Share(models, part) for part in _parts(images)]
    done: list[Accuracy] = []
    progress(_part(0, len(images)))
    for _, result in on_cluster(address, classified, shares):
        if isinstance(result, LostError):
            raise result
        done.append(result)
        progress(_part(sum(part.count for part in done), len(images)))
    return Accuracy.of_all(done)


def classified(share: Share) -> Accuracy:
    """What a worker does."""
    models = share.models
    with opened(
        models.expected, models.received, runtime=models.runtime, graph=models.graph
    ) as pair:
        return accuracy(pair.expected, pair.received, share.images, silent)


def _part(done: int, total: int) -> Part:
    return Part.of("classifying images on the cluster", done, total)


def _parts(images: Labelled) -> Iterator[Labelled]:
    for start in range(0, len(images), SHARE):
        yield images.part(start, start + SHARE)


def _anywhere(model: ModelFiles) -> ModelFiles:
    weights = None if model.weights is None else model.weights.resolve()
    return replace(model, path=model.path.resolve(), weights=weights)
