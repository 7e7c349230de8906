"""How fast is the kit? Each part against something else that does the same, measured in the same run."""
