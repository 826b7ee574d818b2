"""Makes the API's documents, which the layer serves as files: `make docs`."""
