# Scripts for the environments of the programs that are compared; none of them is to be imported here.
collect_ignore = ["programs"]
