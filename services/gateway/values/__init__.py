"""Plain values that the wings of the gateway hand to each other: no behaviour, and nothing imported that has any."""
