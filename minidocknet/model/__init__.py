"""Plain, frozen, typed data that every other layer speaks."""
