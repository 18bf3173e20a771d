"""One file for each kind of project; `registry` finds them by themselves."""
