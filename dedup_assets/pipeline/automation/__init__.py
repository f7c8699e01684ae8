"""What starts or reports runs without a person: sensors and schedules. All are off until a person switches them on."""
