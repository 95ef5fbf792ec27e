"""The package of the course: the models, data and metrics that the chapters build by hand, in tested form."""
