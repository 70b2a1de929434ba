"""Constants of a codebook that is learnt by moving averages."""

UPDATE_RATIO = 0.01  # μ, CREATE Methods, "Model training"
SMOOTHING = 1e-5  # Laplace ε of the authors' code; not in eq. 7-9
