"""The agent that web pages call: the local signing service that Vietnamese document systems already know.

Pages open ``wss://127.0.0.1:8987/SignApproved`` and its sisters, the contract of VGCA Sign Service; an existing page
works unchanged on Linux and macOS. The rooms, in the order of a request::

    server         the socket: Host, Origin, sizes, deadlines
    contract       what a page may say, and what it gets back
    origins        whom the person has permitted
    service        one request from its first word to its answer
    window         the confirmation window on loopback
    transfer       fetching the letter and delivering it, held to the origin's own places

What this protects against: a page that was not permitted, one that pretends to be another or says nothing of itself,
a name that turns to this machine or into the network, a redirect to elsewhere, a large or endless answer, a document
that breaks the renderer, a page that wants more windows than a person can read, a page that reads the PIN.

What it does not: a permitted page may show the person one thing and send another letter to be signed, which is why the
window shows the letter itself; another program of the same user may read whatever this one can.
"""
