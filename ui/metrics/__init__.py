"""Health and metrics of a running server, for load balancers and Prometheus.

Neither has a question's text, a person's name or an address in it; courses are named by `/metrics` alone.
"""
