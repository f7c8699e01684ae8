"""What starts or reports runs without a person: sensors and schedules."""
