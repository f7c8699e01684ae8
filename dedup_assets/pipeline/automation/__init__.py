"""Sensors and schedules, which start or report runs without a person. All are off until a person switches them on."""
