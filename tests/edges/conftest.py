"""Where the clients that the suites here take come from: the registries, into no environment of ours."""
