"""Rules that pick an epoch, one file each; none of them sees a target label."""
