"""The AKL paper's claims, tested: toys from its formulas, and the sealed cells of real runs."""
