"""Every row of a data set judged: in blocks, by several processes, with what is known kept on disk from the start."""
