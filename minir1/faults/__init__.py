"""Known bugs of other trainers, planted on purpose: `minir1 train --tiny --inject FAULT`."""
