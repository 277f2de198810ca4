"""The four services: three stages and the gateway that chains them."""
