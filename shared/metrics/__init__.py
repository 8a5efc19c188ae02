"""What a process counts and measures, and how whoever runs it reads that."""
