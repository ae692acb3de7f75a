"""The rules of Caffe's layers, by family; importing them fills the table."""

from bridge.lower.rules import (
    activation as activation,
)
from bridge.lower.rules import (
    conv as conv,
)
from bridge.lower.rules import (
    dense as dense,
)
from bridge.lower.rules import (
    detection as detection,
)
from bridge.lower.rules import (
    elementwise as elementwise,
)
from bridge.lower.rules import (
    flow as flow,
)
from bridge.lower.rules import (
    lstm_unit as lstm_unit,
)
from bridge.lower.rules import (
    norm as norm,
)
from bridge.lower.rules import (
    padding as padding,
)
from bridge.lower.rules import (
    pool as pool,
)
from bridge.lower.rules import (
    preprocessing as preprocessing,
)
from bridge.lower.rules import (
    priors as priors,
)
from bridge.lower.rules import (
    proposal as proposal,
)
from bridge.lower.rules import (
    recurrent as recurrent,
)
from bridge.lower.rules import (
    reduction as reduction,
)
from bridge.lower.rules import (
    reshaping as reshaping,
)
from bridge.lower.rules import (
    resize as resize,
)
from bridge.lower.rules import (
    roi as roi,
)
from bridge.lower.rules import (
    sampling as sampling,
)
from bridge.lower.rules import (
    sequence as sequence,
)
from bridge.lower.rules import (
    sources as sources,
)
from bridge.lower.rules import (
    space_to_depth as space_to_depth,
)
from bridge.lower.rules import (
    volume as volume,
)
from bridge.lower.rules import (
    yolo as yolo,
)
