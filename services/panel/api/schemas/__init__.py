"""What travels over the REST API, by resource: requests and answers, each with an example."""
