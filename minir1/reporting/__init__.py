"""The parts of report.html; `minir1.report` puts them together."""
