"""Products of the lean step for few and for many rows."""

import pytest
import torch
from torch.testing import assert_close

from harness.engine import lean_products
from harness.engine.lean_products import FEW_ROWS, Linear, prepared, product


@pytest.mark.parametrize("models", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("rows", [1, 2, FEW_ROWS, FEW_ROWS + 1])
@pytest.mark.parametrize("out", [5, 6])
def test_a_product_is_the_same_for_few_and_many_rows(models, shared, rows, out, monkeypatch):
    monkeypatch.setattr(lean_products, "SMALL", 0)
    torch.manual_seed(0)
    weight = torch.randn(1 if shared else models, out, 4)
    given = torch.randn(models, 4, rows).transpose(1, 2)  # not contiguous
    for x in (given, given.contiguous()):
        for start in (None, torch.randn(len(weight), 1, out), torch.randn(models, rows, out)):
            known = torch.matmul(x, weight.mT) + (0 if start is None else start)
            found = product(x, weight, start)
            assert_close(found, known, atol=1e-5, rtol=0)
            assert found.is_contiguous()


@pytest.mark.parametrize("models", [1, 2])
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("rows", [1, 2, FEW_ROWS + 1])
@pytest.mark.parametrize("out", [5, 6])
def test_a_prepared_product_has_the_bits_of_the_layer(models, shared, rows, out, monkeypatch):
    monkeypatch.setattr(lean_products, "SMALL", 0)
    torch.manual_seed(0)
    stacked = 1 if shared else models
    for bias in (None, torch.randn(stacked, 1, out)):
        linear = Linear(torch.randn(stacked, out, 4), bias)
        for onto in (False, True):
            x, buffer = torch.empty(models, rows, 4), torch.empty(models, rows, out)
            calls = prepared(linear, x, buffer, onto=onto)
            for _ in range(2):  # the buffers are read again each time
                x.normal_()
                before = buffer.normal_().clone()
                for call in calls:
                    call()
                assert torch.equal(buffer, linear(x, before if onto else None))
