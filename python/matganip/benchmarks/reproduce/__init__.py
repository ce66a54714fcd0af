"""`matganip reproduce`: what each method reaches on each task, measured in one run and written as one page."""
