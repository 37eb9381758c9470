"""What `kyso doctor` examines: the machine, the configuration, keys, trust, fonts, records, disk and network.

Nothing here changes anything (removing leftovers is asked for by itself, :mod:`kyso.diagnosing.leftovers`), asks for a
secret, or uses the network unless told. Each room of the program has its own module; plugins add theirs.
"""
