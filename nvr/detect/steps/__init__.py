"""From a picture to a finding, a step a file. Pure, numpy; time is an argument."""
