"""Files of this suite that need not run on two releases, because all that they ask axolotl for is the same in both."""
def same_on(a,b): return ()
