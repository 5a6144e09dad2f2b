.PHONY: bench
