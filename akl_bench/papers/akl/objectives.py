"""The objectives that the paper compares."""

FKL, RKL = "forward_kl", "reverse_kl"
MIX, AKL = "symmetric_kl(weight=0.5)", "adaptive_kl(mu=0.5)"
SHORT = {FKL: "FKL", RKL: "RKL", MIX: "half-half mix", AKL: "AKL"}
OBJECTIVES = tuple(SHORT)
# Within this of 1/2 a weight counts as that of the half-half mix.
NEAR = 0.05
