"""A study file, and the job it describes, from the parent crystal to the ranked list."""
