"""Learning demand: data in, conjugate beliefs, change points, calibration."""
