"""The raise rules, by family; importing them fills the table."""

from bridge.raising.rules import (
    activation as activation,
)
from bridge.raising.rules import (
    conv as conv,
)
from bridge.raising.rules import (
    conv_transpose as conv_transpose,
)
from bridge.raising.rules import (
    dense as dense,
)
from bridge.raising.rules import (
    dynamic as dynamic,
)
from bridge.raising.rules import (
    elementwise as elementwise,
)
from bridge.raising.rules import (
    gathering as gathering,
)
from bridge.raising.rules import (
    norm as norm,
)
from bridge.raising.rules import (
    pool as pool,
)
from bridge.raising.rules import (
    recurrent as recurrent,
)
from bridge.raising.rules import (
    reduction as reduction,
)
from bridge.raising.rules import (
    reshaping as reshaping,
)
from bridge.raising.rules import (
    resize as resize,
)
from bridge.raising.rules import (
    roi as roi,
)
from bridge.raising.rules import (
    sampling as sampling,
)
from bridge.raising.rules import (
    scattering as scattering,
)
from bridge.raising.rules import (
    slicing as slicing,
)
from bridge.raising.rules import (
    space_to_depth as space_to_depth,
)
from bridge.raising.rules import (
    suppression as suppression,
)
