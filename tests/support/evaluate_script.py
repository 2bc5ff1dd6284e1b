"""The source of a metric for the `evaluate` package."""

SCRIPT = """
import datasets
import evaluate


class {name}(evaluate.Metric):
    def _info(self):
        features = datasets.Features(
            {{"predictions": datasets.Value("string"), "references": datasets.Value("string")}}
        )
        return evaluate.MetricInfo(
            description="", citation="", inputs_description="", features=features
        )

    def _compute(self, predictions, references, factor=1):
        equal = [float(a == b) for a, b in zip(predictions, references)]
        return {result}
"""
