"""From a conversation to tokens, and from tokens to the two witnesses: the mask and the trace."""
