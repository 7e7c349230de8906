"""How is a thing said? What has to be typed here, and texts from outside in a form that is only read."""
