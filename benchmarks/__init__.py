"""What is fast is measured, as ratios in one run: `make bench`, or `python -m benchmarks.door` alone."""
