"""The proof with a GPU: `make gpu` runs these tests and the benchmark; elsewhere the tests are skipped."""
