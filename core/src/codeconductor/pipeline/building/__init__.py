"""What the loop of `build` is made of: its values, its folders, the steps, and what goes back to the coder."""
