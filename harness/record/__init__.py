"""The record of a run: schema, writer, reader. docs/record.md lists every field."""

from harness.record.adapter import AdapterInfo
from harness.record.costs import Inference, LrSearch, Step, Training, Trial
from harness.record.durable import write_text
from harness.record.estimates import (
    Breakdown,
    Curve,
    Drift,
    Ends,
    Estimate,
    Group,
    HasInterval,
    Json,
    MetricScore,
    QualityScore,
    SliceEstimate,
    ends_of,
)
from harness.record.examples import (
    ExampleAuthors,
    ExampleLift,
    ExampleRank,
    ExampleValues,
    Gains,
    SliceNll,
)
from harness.record.schema import SCHEMA_VERSION, Record
from harness.record.sources import (
    ApiInfo,
    BackboneInfo,
    CodeInfo,
    Counts,
    DataInfo,
    DeviceInfo,
    ModelInfo,
    SplitInfo,
)
from harness.record.state import (
    append_lines,
    read_lines,
    read_state,
    read_word,
    write_json,
    write_lines,
    write_state,
)
from harness.record.storage import (
    PREDICTIONS,
    RECORD,
    Outcome,
    checked,
    find_runs,
    is_intact,
    last_of_each,
    only_run,
    read_predictions,
    read_record,
    record_there,
    recorded_texts,
    texts_digest,
    texts_match,
    write_record,
)
from harness.record.views import (
    AuthorRank,
    Authors,
    AuthorScores,
    Controls,
    Difference,
    Forced,
    ForcedMetric,
    Lift,
    LiftPair,
    Likelihood,
    MinusOwn,
    NllDifference,
    NllSlice,
    RelativeLikelihood,
    Thoughts,
)
from harness.record.visible import blank
