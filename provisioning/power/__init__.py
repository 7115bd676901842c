"""Power at run time: which feeds are dead, what feeds really carry, who must go off for a leak."""
