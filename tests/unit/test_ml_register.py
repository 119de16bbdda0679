from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from test_ml_simulated_company import trained_as

from ml import fitted
from ml.fitted import BLEND
from ml.register import TamperedModel, calibration_table, load_model, models_table, open_model
from ml.scale import ScoreScale, fit_scale, to_score


def trained():
    """The rung with all parts: a line in the manifest, trees in the text."""
    return trained_as(BLEND)


@pytest.fixture
def no_parsing(monkeypatch):
    trained()  # which parses, rightly

    def parse(rung, content, text):
        raise AssertionError("a tampered model reached the parser")

    monkeypatch.setattr(fitted, "from_json", parse)


@pytest.mark.usefixtures("no_parsing")
@pytest.mark.parametrize("field", ["manifest", "metrics", "model_text"])
def test_any_flipped_byte_is_refused_before_parsing(field):
    record = trained().record
    text = getattr(record, field)
    for at in {0, len(text) - 1, *np.random.default_rng(0).integers(0, len(text), 150).tolist()}:
        flipped = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        with pytest.raises(TamperedModel):
            open_model(replace(record, **{field: flipped}), trained().calibration)


@pytest.mark.usefixtures("no_parsing")
@pytest.mark.parametrize("field", ["model_version", "rung", "data_hash", "code_hash", "integrity_hash"])
def test_a_changed_column_is_refused(field):
    record = trained().record
    with pytest.raises(TamperedModel):
        open_model(replace(record, **{field: getattr(record, field)[:-1] + "!"}), trained().calibration)


@pytest.mark.usefixtures("no_parsing")
def test_a_changed_or_missing_calibration_map_is_refused():
    steps = calibration_table(trained())
    raised = pa.array(np.minimum(steps.column("probability").to_numpy() + 1e-9, 1.0))
    changed = steps.set_column(steps.column_names.index("probability"), "probability", raised)
    for wrong in (changed, steps.slice(1), steps.slice(0, 0)):
        with pytest.raises(TamperedModel, match="calibration map"):
            load_model(models_table(trained()), wrong)


def test_the_newest_or_the_named_model_is_loaded_in_any_row_order():
    models, steps = models_table(trained()), calibration_table(trained())
    shuffled = steps.take(np.random.default_rng(0).permutation(steps.num_rows))
    version = trained().record.model_version
    assert load_model(models, shuffled).model_version == version
    assert load_model(models, shuffled, version).encoding == trained().model.encoding
    with pytest.raises(LookupError, match="no model gb-0 is stored"):
        load_model(models, steps, "gb-0")


def test_the_scale_puts_the_median_at_30_and_the_best_percent_at_80():
    margins = np.random.default_rng(0).normal(-3, 1, 10_001)
    scale = fit_scale(margins)
    assert to_score(scale, np.quantile(margins, [0.5, 0.99])).tolist() == [30, 80]
    assert to_score(scale, np.array([-99.0, 99.0])).tolist() == [0, 100]
    assert fit_scale(np.full(5, 2.0)) == ScoreScale(10.0, 10.0)
